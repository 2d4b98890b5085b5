// Authorization code + PKCE as clients do it, for people who are signed in and said yes before: two requests a flow.
// One argument, JSON: where, as whom, for how many seconds, how many at a time. Prints flows a second and how long they took.
import { createHash, randomBytes } from 'node:crypto';
import { Agent, request } from 'node:http';

const load = JSON.parse(process.argv[2]);
const { url, paths, clientId, authorization, cookies, redirectUri, scope, seconds, inFlight } = load;
const agent = new Agent({ keepAlive: true, maxSockets: inFlight });

function send(path, options, body) {
  return new Promise((resolve, reject) => {
    const call = request(url + path, { agent, ...options }, (reply) => {
      let text = '';
      reply.setEncoding('utf8');
      reply.on('data', (chunk) => {
        text += chunk;
      });
      reply.once('end', () => resolve({ status: reply.statusCode, location: reply.headers.location ?? '', text }));
    });
    call.once('error', reject);
    call.end(body);
  });
}

const FORM = 'application/x-www-form-urlencoded';

async function flow(cookie) {
  const verifier = randomBytes(32).toString('base64url');
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: clientId,
    redirect_uri: redirectUri,
    scope,
    state: verifier.slice(0, 16),
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const answer = await send(`${paths.authorize}?${query}`, { headers: { cookie, accept: 'text/html' } });
  const code = answer.location.startsWith(redirectUri) && new URL(answer.location).searchParams.get('code');
  if (!code) throw new Error(`no code: ${answer.status} ${answer.location} ${answer.text.slice(0, 300)}`);
  const body = new URLSearchParams({
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
  }).toString();
  const headers = { authorization, 'content-type': FORM, 'content-length': Buffer.byteLength(body) };
  const given = await send(paths.token, { method: 'POST', headers }, body);
  const { access_token: token, refresh_token: refreshToken } = given.status === 200 ? JSON.parse(given.text) : {};
  if (token?.split('.').length !== 3 || !refreshToken) throw new Error(`no tokens: ${given.status} ${given.text}`);
}

const tookMs = [];
const from = performance.now();
const until = from + seconds * 1000;

async function keepFlowing(cookie) {
  for (let began = performance.now(); began < until; ) {
    await flow(cookie);
    const ended = performance.now();
    if (ended <= until) tookMs.push(ended - began);
    began = ended;
  }
}

await Promise.all(Array.from({ length: inFlight }, (_, index) => keepFlowing(cookies[index % cookies.length])));
tookMs.sort((a, b) => a - b);
const at = (part) => Number(tookMs[Math.floor(tookMs.length * part)].toFixed(3));
const rate = Math.round(tookMs.length / seconds);
process.stdout.write(`${JSON.stringify({ requests_per_second: rate, p50_ms: at(0.5), p99_ms: at(0.99) })}\n`);
agent.destroy();
