import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import express from 'express';
import session from 'express-session';
import { AuthorizationResponseError } from 'openid-client';
import { AccessEnded } from './latchkey.js';
import { errorPage, projectsPage, welcomePage } from './pages.js';

const publicFolder = fileURLToPath(new URL('./public', import.meta.url));

/** Tokens stay here, in the session on the server; the browser holds its id alone. */
const sessions = () =>
  session({
    name: 'tally',
    secret: randomBytes(32).toString('base64url'),
    resave: false,
    saveUninitialized: false,
    cookie: { httpOnly: true, sameSite: 'lax', secure: 'auto' },
  });

/** Forms of other sites are not obeyed. */
function sameSite(request, response, next) {
  const site = request.get('sec-fetch-site') ?? 'same-origin';
  if (request.method === 'POST' && site !== 'same-origin')
    return response.status(403).send(errorPage('Not from here.'));
  next();
}

/** Another session id, so that nobody knows the one that is connected now. */
const renewSession = (request) =>
  new Promise((resolve, reject) => {
    request.session.regenerate((error) => (error ? reject(error) : resolve()));
  });

const goTo = (response, path) => response.redirect(303, path);

function connecting(app, latchkey) {
  app.post('/connect', async (request, response) => {
    const { url, pending } = await latchkey.begin();
    request.session.pending = pending;
    goTo(response, url);
  });

  app.get('/callback', async (request, response) => {
    const { pending } = request.session;
    // Used up, whatever comes of it.
    delete request.session.pending;
    if (!pending) return goTo(response, '/?reason=failed');
    try {
      const connection = await latchkey.finish(new URL(request.originalUrl, 'http://here').searchParams, pending);
      await renewSession(request);
      request.session.connection = connection;
      goTo(response, '/');
    } catch (error) {
      const isNo = error instanceof AuthorizationResponseError && error.error === 'access_denied';
      if (!isNo) process.stderr.write(`connecting failed: ${error.message} ${error.cause?.message ?? ''}\n`);
      goTo(response, `/?reason=${isNo ? 'declined' : 'failed'}`);
    }
  });

  app.post('/disconnect', async (request, response) => {
    const { connection } = request.session;
    delete request.session.connection;
    if (connection) await latchkey.disconnect(connection);
    goTo(response, '/?reason=disconnected');
  });
}

function working(app, latchkey) {
  const connected = (handler) => async (request, response) => {
    const { connection } = request.session;
    if (!connection) return goTo(response, '/');
    return handler(connection, request, response);
  };

  app.get('/', async (request, response) => {
    const { connection } = request.session;
    if (!connection) return response.send(welcomePage(request.query.reason));
    const reply = await latchkey.call(connection, '/v1/projects');
    if (!reply.ok) throw new Error(`The projects could not be read: ${reply.status}.`);
    response.send(projectsPage(connection, (await reply.json()).data, latchkey.issuer));
  });

  app.post(
    '/projects',
    connected(async (connection, request, response) => {
      const json = { name: String(request.body?.name ?? '').trim() };
      const reply = await latchkey.call(connection, '/v1/projects', { method: 'POST', json });
      if (!reply.ok) throw new Error(`The project was not added: ${(await reply.json()).message}`);
      goTo(response, '/');
    }),
  );

  app.post(
    '/renew',
    connected(async (connection, _request, response) => {
      await latchkey.renew(connection);
      goTo(response, '/');
    }),
  );
}

/** What is over is forgotten; anything else is told and kept. Express knows this by its four parameters. */
function failed(error, request, response, _next) {
  if (error instanceof AccessEnded) {
    delete request.session.connection;
    return goTo(response, '/?reason=ended');
  }
  process.stderr.write(`${request.method} ${request.path} failed: ${error.message}\n`);
  response.status(502).send(errorPage('Your account could not be reached. Try again in a moment.'));
}

export function createApp(latchkey) {
  const app = express();
  app.disable('x-powered-by');
  app.use((_request, response, next) => {
    response.set({
      'content-security-policy':
        "default-src 'none'; style-src 'self'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'",
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
    next();
  });
  app.use(express.static(publicFolder), sessions(), sameSite, express.urlencoded());
  app.use((_request, response, next) => {
    response.set('cache-control', 'no-store');
    next();
  });
  connecting(app, latchkey);
  working(app, latchkey);
  app.use(failed);
  return app;
}
