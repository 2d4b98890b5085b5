// Authorization code + PKCE as clients do it, for people who are signed in and said yes before: two requests a flow.
// One argument, JSON: where, as whom, for how many seconds, how many at a time. Prints flows a second and how long they took.
// Over bare sockets, one for each flow at a time, and with verifiers made before: else this program, which has a core of its
// own, would be the slower of the two.
import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';

const load = JSON.parse(process.argv[2]);
const { url, paths, clientId, authorization, cookies, redirectUri, scope, seconds, inFlight } = load;
const { hostname, port, host } = new URL(url);

const HEAD_END = '\r\n\r\n';
const lineOf = (head, name) => new RegExp(`^${name}: *(.*)\r$`, 'im').exec(`${head}\r\n`)?.[1];

/** One connection that is kept; each call sends a request and resolves with its reply: status, `Location`, body. */
function createSender() {
  const socket = connect(Number(port), hostname).setNoDelay(true).setEncoding('latin1');
  let text = '';
  let waiting = null;
  socket.on('error', (error) => waiting?.reject(error));
  socket.on('close', () => waiting?.reject(new Error('the server closed a connection')));
  socket.on('data', (chunk) => {
    text += chunk;
    const headLength = text.indexOf(HEAD_END);
    if (headLength === -1) return;
    const head = text.slice(0, headLength);
    const length = Number(lineOf(head, 'content-length') ?? Number.NaN);
    if (Number.isNaN(length)) return waiting?.reject(new Error(`a reply of no length: ${head}`));
    const end = headLength + HEAD_END.length + length;
    if (text.length < end) return;
    const body = text.slice(headLength + HEAD_END.length, end);
    text = text.slice(end);
    const { resolve } = waiting;
    waiting = null;
    resolve({ status: Number(head.slice(9, 12)), location: lineOf(head, 'location') ?? '', text: body });
  });
  const send = (request) =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject };
      socket.write(request);
    });
  const end = () => {
    waiting = null;
    socket.destroy();
  };
  return { send, end };
}

/** Each is used for one flow at a time, again and again. */
const PROOFS = Array.from({ length: 1000 }, () => {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
});
let turn = 0;

const fixed = new URLSearchParams({ response_type: 'code', client_id: clientId, redirect_uri: redirectUri, scope });
const query = `${paths.authorize}?${fixed}&code_challenge_method=S256`;
const lines = `Host: ${host}\r\nConnection: keep-alive\r\n`;
const formLines = `${lines}Authorization: ${authorization}\r\nContent-Type: application/x-www-form-urlencoded\r\n`;
const form = `grant_type=authorization_code&redirect_uri=${encodeURIComponent(redirectUri)}`;

async function flow(send, cookie) {
  turn = (turn + 1) % PROOFS.length;
  const { verifier, challenge } = PROOFS[turn];
  const target = `${query}&state=${verifier.slice(0, 16)}&code_challenge=${challenge}`;
  const answer = await send(`GET ${target} HTTP/1.1\r\n${lines}Accept: text/html\r\nCookie: ${cookie}${HEAD_END}`);
  const code = answer.location.startsWith(redirectUri) && /[?&]code=([^&]+)/.exec(answer.location)?.[1];
  if (!code) throw new Error(`no code: ${answer.status} ${answer.location} ${answer.text.slice(0, 300)}`);
  const body = `${form}&code=${code}&code_verifier=${verifier}`;
  const given = await send(
    `POST ${paths.token} HTTP/1.1\r\n${formLines}Content-Length: ${body.length}${HEAD_END}${body}`,
  );
  const { access_token: token, refresh_token: refreshToken } = given.status === 200 ? JSON.parse(given.text) : {};
  if (token?.split('.').length !== 3 || !refreshToken) throw new Error(`no tokens: ${given.status} ${given.text}`);
}

const tookMs = [];
const from = performance.now();
const until = from + seconds * 1000;

async function keepFlowing(cookie) {
  const { send, end } = createSender();
  for (let began = performance.now(); began < until; ) {
    await flow(send, cookie);
    const ended = performance.now();
    if (ended <= until) tookMs.push(ended - began);
    began = ended;
  }
  end();
}

await Promise.all(Array.from({ length: inFlight }, (_, index) => keepFlowing(cookies[index % cookies.length])));
tookMs.sort((a, b) => a - b);
const at = (part) => Number(tookMs[Math.floor(tookMs.length * part)].toFixed(3));
const rate = Math.round(tookMs.length / seconds);
process.stdout.write(`${JSON.stringify({ requests_per_second: rate, p50_ms: at(0.5), p99_ms: at(0.99) })}\n`);
