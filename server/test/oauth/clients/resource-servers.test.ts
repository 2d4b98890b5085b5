import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { request, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { JwtVerifier } from 'aws-jwt-verify';
import { SimpleFetcher } from 'aws-jwt-verify/https';
import { SimpleJwksCache } from 'aws-jwt-verify/jwk';
import express from 'express';
import { auth, claimEquals, requiredScopes } from 'express-oauth2-jwt-bearer';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { startServer, stopServers, type TestServer, temporaryFolder } from '../../harness.ts';
import { newPerson } from '../../people/browser.ts';
import { newCertificate } from '../../running/certificate.ts';
import { consented, newClient, token } from '../clients.ts';

// What other people's APIs verify our access tokens with, each with nothing but the issuer's documents.

const RS256_AUDIENCE = 'https://billing.example/api';
const OTHER_AUDIENCE = 'https://notes.example/api';

let server: TestServer;
let audience: string;
/** One of each kind of token, of one person or client. */
let tokens: Record<'access' | 'ownAccess' | 'id' | 'other' | 'rs256', string>;

async function newResource(audienceOf: string, signingAlg: string, scopeName: string): Promise<void> {
  const resource = { name: scopeName, audience: audienceOf, signing_alg: signingAlg };
  const made = await server.call('/v1/resources', { key: server.rootKey, json: resource });
  expect(made.status, made.text).toBe(201);
  const scope = { name: scopeName, description: `See your ${scopeName}`, resource: made.json.id };
  const added = await server.call('/v1/scopes', { key: server.rootKey, json: scope });
  expect(added.status, added.text).toBe(201);
}

beforeAll(async () => {
  // The first RS256 key signs once every verifier may have seen it: the server begins in the past, where it is published.
  let behindMs = 400_000;
  server = await startServer({ clock: { nowMs: () => Date.now() - behindMs } });
  audience = `${server.issuer}/v1`;
  await newResource(RS256_AUDIENCE, 'RS256', 'invoices');
  await newResource(OTHER_AUDIENCE, 'ES256', 'notes');
  behindMs = 0;
  await server.latchkey.signingKeys.maintain();
  const client = await newClient(server, { scopes: ['openid', 'read', 'write', 'invoices', 'notes'] });
  const person = await newPerson(server);
  const forUser = await consented(server, person, client);
  const of = async (scope: string, resource: string): Promise<string> => {
    const reply = await token(server, client, { grant_type: 'client_credentials', scope, resource });
    expect(reply.status, reply.text).toBe(200);
    return reply.json.access_token;
  };
  tokens = {
    access: forUser.access_token,
    ownAccess: await of('read', audience),
    id: forUser.id_token,
    other: await of('notes', OTHER_AUDIENCE),
    rs256: await of('invoices', RS256_AUDIENCE),
  };
});
afterAll(stopServers);

/** The token, signed by nobody. */
const unsigned = (text: string) => {
  const [, body] = text.split('.');
  return `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url')}.${body}.`;
};
/** The token with more scopes than it was given. */
const widened = (text: string) => {
  const [head, body = '', signature] = text.split('.');
  const claims = { ...JSON.parse(Buffer.from(body, 'base64url').toString()), scope: 'admin' };
  return [head, Buffer.from(JSON.stringify(claims)).toString('base64url'), signature].join('.');
};

describe('express-oauth2-jwt-bearer', () => {
  let api: Server;
  const call = async (path: string, text: string) => {
    const { port } = api.address() as AddressInfo;
    const reply = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { authorization: `Bearer ${text}` } });
    return { status: reply.status, challenge: reply.headers.get('www-authenticate') ?? '', body: await reply.text() };
  };

  beforeAll(async () => {
    const ours = { issuerBaseURL: server.issuer, audience, strict: true };
    const app = express();
    // Express 5 knows it for a handler of errors by its four parameters.
    const tell: express.ErrorRequestHandler = (error, _request, response, _next) => {
      response
        .status(error.status ?? 500)
        .set(error.headers)
        .send(error.message);
    };
    app.get('/', auth(ours), (request, response) => void response.json(request.auth?.payload));
    app.get('/write', auth(ours), requiredScopes('write'), (_request, response) => void response.send('written'));
    app.get(
      '/test',
      auth(ours),
      claimEquals('environment', 'live'),
      (_request, response) => void response.send('live'),
    );
    // By discovery it takes what ID tokens are signed with for all that may be; so another algorithm names its keys itself.
    const jwksUri = `${server.issuer}/.well-known/jwks.json`;
    const billing = {
      issuer: server.issuer,
      jwksUri,
      audience: RS256_AUDIENCE,
      tokenSigningAlg: 'RS256',
      strict: true,
    };
    app.get('/billing', auth(billing), (_request, response) => void response.send('billed'));
    app.use(tell);
    api = app.listen(0, '127.0.0.1');
    await once(api, 'listening');
  });
  afterAll(() => void api?.close());

  test('takes access tokens of people and of clients, by discovery and its strict rules', async () => {
    const forUser = await call('/', tokens.access);
    expect(forUser.status, forUser.body).toBe(200);
    expect(JSON.parse(forUser.body)).toMatchObject({ iss: server.issuer, aud: audience, scope: 'openid read' });
    expect((await call('/', tokens.ownAccess)).status).toBe(200);
    expect(await call('/billing', tokens.rs256)).toMatchObject({ status: 200, body: 'billed' });
  });

  test('refuses an ID token, another audience, and what was changed', async () => {
    expect(await call('/', tokens.id)).toMatchObject({ status: 401, body: "Unexpected 'typ' value" });
    expect(await call('/', tokens.other)).toMatchObject({ status: 401, body: "Unexpected 'aud' value" });
    expect(await call('/', tokens.rs256)).toMatchObject({ status: 401 });
    expect(await call('/billing', tokens.access)).toMatchObject({ status: 401, body: "Unexpected 'alg' value" });
    expect(await call('/', unsigned(tokens.access))).toMatchObject({ status: 401 });
    expect(await call('/', widened(tokens.access))).toMatchObject({ status: 401 });
  });

  test('refuses a token whose time is over', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 16 * 60_000 });
    try {
      expect(await call('/', tokens.access)).toMatchObject({ status: 401, body: '"exp" claim timestamp check failed' });
    } finally {
      vi.useRealTimers();
    }
  });

  test('reads scopes and our own claims', async () => {
    expect(await call('/write', tokens.access)).toMatchObject({ status: 403 });
    expect((await call('/write', tokens.access)).challenge).toContain('insufficient_scope');
    expect(await call('/test', tokens.access)).toMatchObject({ status: 401, body: "Unexpected 'environment' value" });
  });
});

describe('the generic verifier of aws-jwt-verify', () => {
  const folder = temporaryFolder();
  let front: Server;
  let ca: string;

  // It fetches over https alone, so the server stands behind a front that ends TLS.
  beforeAll(async () => {
    const { cert, key } = newCertificate(folder);
    ca = readFileSync(cert, 'utf8');
    front = createTlsServer({ cert: ca, key: readFileSync(key) }, (incoming, outgoing) => {
      request(server.url + incoming.url, (reply) => {
        outgoing.writeHead(reply.statusCode ?? 502, reply.headers);
        reply.pipe(outgoing);
      }).end();
    });
    front.listen(0, '127.0.0.1');
    await once(front, 'listening');
  });
  afterAll(() => {
    front?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const verifierFor = (expected: string) =>
    JwtVerifier.create(
      {
        issuer: server.issuer,
        audience: expected,
        jwksUri: `https://localhost:${(front.address() as AddressInfo).port}/.well-known/jwks.json`,
        customJwtCheck: ({ header }) => {
          if (header.typ !== 'at+jwt') throw new Error('not an access token');
        },
      },
      { jwksCache: new SimpleJwksCache({ fetcher: new SimpleFetcher({ defaultRequestOptions: { ca } }) }) },
    );

  test('takes access tokens by ES256 and by RS256', async () => {
    const ours = verifierFor(audience);
    expect(await ours.verify(tokens.access)).toMatchObject({ iss: server.issuer, aud: audience, scope: 'openid read' });
    expect(await ours.verify(tokens.ownAccess)).toMatchObject({ scope: 'read' });
    expect(await verifierFor(RS256_AUDIENCE).verify(tokens.rs256)).toMatchObject({ scope: 'invoices' });
  });

  test('refuses an ID token, another audience, and what was changed', async () => {
    const ours = verifierFor(audience);
    await expect(ours.verify(tokens.id)).rejects.toThrow(/[Aa]udience/);
    await expect(ours.verify(tokens.id, { audience: null })).rejects.toThrow('not an access token');
    await expect(ours.verify(tokens.other)).rejects.toThrow(/[Aa]udience/);
    await expect(ours.verify(unsigned(tokens.access))).rejects.toThrow();
    await expect(ours.verify(widened(tokens.access))).rejects.toThrow(/[Ss]ignature/);
  });

  test('refuses a token whose time is over', async () => {
    const ours = verifierFor(audience);
    expect(await ours.verify(tokens.access)).toHaveProperty('exp');
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 16 * 60_000 });
    try {
      await expect(ours.verify(tokens.access)).rejects.toThrow(/expired/);
    } finally {
      vi.useRealTimers();
    }
  });
});
