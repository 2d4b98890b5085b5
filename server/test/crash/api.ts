import { Agent, request } from 'node:http';

export interface Call {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  /** The credential that is presented in the header; null for none. */
  key: string | null;
  /** The text of a session's cookie, presented as a browser does. */
  cookie?: string;
  /** The address that a proxy on this machine says it comes from. */
  from?: string;
  json?: unknown;
  requestId: string;
  idempotencyKey?: string;
}

export interface Answer {
  status: number;
  isReplay: boolean;
  /** The text of the session that it sets a cookie for. */
  cookie: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: replies are looked into freely in tests
  json: any;
}

/** How a call ended: null when no whole answer came. */
export type Ending = Answer | null;

export interface Api {
  /** Where the server listens now; each start takes another port. */
  url: string;
  send(call: Call): Promise<Ending>;
  /** What came back so far. */
  readonly counts: { sent: number; answered: number; unanswered: number; unavailable: number };
  close(): void;
}

/** Longer than the server lets any call run: who waits for longer has been forgotten. */
export const PATIENCE_MS = 40_000;

/** Sends each call once: a client that repeats by itself would spend what nobody counts. */
export function createApi(): Api {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  const counts = { sent: 0, answered: 0, unanswered: 0, unavailable: 0 };
  const api: Api = {
    url: '',
    counts,
    send: async (call) => {
      counts.sent += 1;
      const ending = await sendOnce(agent, api.url, call);
      counts[ending === null ? 'unanswered' : 'answered'] += 1;
      if (ending?.status === 503) counts.unavailable += 1;
      return ending;
    },
    close: () => agent.destroy(),
  };
  return api;
}

function headersOf({ key, cookie, from, json, requestId, idempotencyKey }: Call): Record<string, string> {
  return {
    'x-request-id': requestId,
    ...(key === null ? {} : { authorization: `Bearer ${key}` }),
    ...(cookie === undefined ? {} : { cookie: `${SESSION_COOKIE}=${cookie}`, 'sec-fetch-site': 'same-origin' }),
    ...(from === undefined ? {} : { 'x-forwarded-for': from }),
    ...(json === undefined ? {} : { 'content-type': 'application/json' }),
    ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
  };
}

const SESSION_COOKIE = 'latchkey_session';

function cookieOf(lines: readonly string[] = []): string | null {
  const line = lines.find((each) => each.startsWith(`${SESSION_COOKIE}=`));
  return /^[^=]+=([^;]+)/.exec(line ?? '')?.[1] ?? null;
}

function sendOnce(agent: Agent, url: string, call: Call): Promise<Ending> {
  const body = call.json === undefined ? undefined : JSON.stringify(call.json);
  const headers = headersOf(call);
  return new Promise((resolve) => {
    const outgoing = request(url + call.path, { agent, method: call.method, headers, timeout: PATIENCE_MS });
    outgoing.once('timeout', () => outgoing.destroy());
    outgoing.once('error', () => resolve(null));
    outgoing.once('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', () => resolve(null));
      response.once('close', () => {
        if (!response.complete) return resolve(null);
        const text = Buffer.concat(chunks).toString();
        const isReplay = response.headers['idempotency-replayed'] === 'true';
        const cookie = cookieOf(response.headers['set-cookie']);
        resolve({
          status: response.statusCode ?? 0,
          isReplay,
          cookie,
          json: text === '' ? undefined : JSON.parse(text),
        });
      });
    });
    outgoing.end(body);
  });
}
