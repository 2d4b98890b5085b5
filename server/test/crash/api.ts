import { Agent, type IncomingMessage, request } from 'node:http';

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
  /** Fields of a form, in place of JSON. */
  form?: Record<string, string>;
  /** Cookies of a browser at a page: sent, and kept as the replies set them. */
  browser?: Map<string, string>;
  requestId: string;
  idempotencyKey?: string;
}

export interface Answer {
  status: number;
  isReplay: boolean;
  /** The text of the session that it sets a cookie for. */
  cookie: string | null;
  /** Where it sends a browser. */
  location: string | null;
  /** The body as it came: a page is no JSON. */
  text: string;
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

function headersOf(call: Call): Record<string, string> {
  const { key, cookie, from, json, form, browser, requestId, idempotencyKey } = call;
  const cookies = [...(browser ?? [])].map(([name, text]) => `${name}=${text}`).join('; ');
  return {
    'x-request-id': requestId,
    ...(key === null ? {} : { authorization: `Bearer ${key}` }),
    ...(cookie === undefined ? {} : { cookie: `${SESSION_COOKIE}=${cookie}`, 'sec-fetch-site': 'same-origin' }),
    ...(browser === undefined ? {} : { cookie: cookies, accept: 'text/html', 'sec-fetch-site': 'same-origin' }),
    ...(form === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
    ...(from === undefined ? {} : { 'x-forwarded-for': from }),
    ...(json === undefined ? {} : { 'content-type': 'application/json' }),
    ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
  };
}

export const SESSION_COOKIE = 'latchkey_session';

function cookieOf(lines: readonly string[] = []): string | null {
  const line = lines.find((each) => each.startsWith(`${SESSION_COOKIE}=`));
  return /^[^=]+=([^;]+)/.exec(line ?? '')?.[1] ?? null;
}

function keepCookies(browser: Map<string, string> | undefined, lines: readonly string[] = []): void {
  for (const line of lines) {
    const [, name = '', text = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
    browser?.set(name, text);
  }
}

function bodyOf({ json, form }: Call): string | undefined {
  if (form !== undefined) return new URLSearchParams(form).toString();
  return json === undefined ? undefined : JSON.stringify(json);
}

function answerOf({ statusCode = 0, headers }: IncomingMessage, text: string): Answer {
  const isJson = text !== '' && headers['content-type']?.includes('json') === true;
  return {
    status: statusCode,
    isReplay: headers['idempotency-replayed'] === 'true',
    cookie: cookieOf(headers['set-cookie']),
    location: headers.location ?? null,
    text,
    json: isJson ? JSON.parse(text) : undefined,
  };
}

function sendOnce(agent: Agent, url: string, call: Call): Promise<Ending> {
  const body = bodyOf(call);
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
        keepCookies(call.browser, response.headers['set-cookie']);
        resolve(answerOf(response, Buffer.concat(chunks).toString()));
      });
    });
    outgoing.end(body);
  });
}
