import { Agent, request } from 'node:http';

export interface Call {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  path: string;
  /** The credential that is presented. */
  key: string;
  json?: unknown;
  requestId: string;
  idempotencyKey?: string;
}

export interface Answer {
  status: number;
  isReplay: boolean;
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

function sendOnce(agent: Agent, url: string, call: Call): Promise<Ending> {
  const body = call.json === undefined ? undefined : JSON.stringify(call.json);
  const headers: Record<string, string> = { authorization: `Bearer ${call.key}`, 'x-request-id': call.requestId };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (call.idempotencyKey !== undefined) headers['idempotency-key'] = call.idempotencyKey;
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
        resolve({ status: response.statusCode ?? 0, isReplay, json: text === '' ? undefined : JSON.parse(text) });
      });
    });
    outgoing.end(body);
  });
}
