import { setTimeout as pause } from 'node:timers/promises';
import { parseDurationMs, redactSecrets } from '@latchkey/protocol';
import { EXIT } from '../exit-codes.ts';
import type { Host } from '../host.ts';
import { CommandFailure, Interrupted, UsageError } from '../refusal.ts';
import { plainJson } from '../style.ts';
import { ApiRefusal } from './refusals.ts';
import { resolveTarget, type Target, type TargetOptions } from './target.ts';

export type Query = Readonly<Record<string, string | number | undefined>>;

export interface Call {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  query?: Query;
  body?: unknown;
  /** For a call that writes; unless given, each has its own, and only its retries share it. Null sends none. */
  idempotencyKey?: string | null;
}

export interface ApiReply {
  status: number;
  headers: Headers;
  /** The body, fit for a terminal; empty for 204. */
  text: string;
  json: unknown;
}

/** A server, spoken to with one key. */
export interface Api {
  readonly server: string;
  /**
   * Tries again, a few times, when a limit says when, and when the server is busy or lost, which is safe: it knows a
   * repeated call. Throws `ApiRefusal`, `CommandFailure` when nobody answers, `Interrupted`.
   */
  call(path: string, call?: Call): Promise<ApiReply>;
}

const ATTEMPTS = 4;
const LONGEST_WAIT_MS = 60_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_SILENCE_MS = 2000;
const PERHAPS_DONE = 'what was asked for may have been done all the same';

function causeOf(error: unknown): string {
  const { cause, message, name } = error as Error & { cause?: { code?: string; message?: string } };
  if (name === 'TimeoutError') return 'no answer in time';
  return redactSecrets(cause?.code ?? cause?.message ?? message);
}

function urlOf({ server }: Target, path: string, query: Query = {}): string {
  const url = new URL(`${server}${path}`);
  for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
  return url.href;
}

class Client implements Api {
  readonly #target: Target;
  readonly #host: Host;
  readonly #timeoutMs: number;

  constructor(host: Host, target: Target, timeoutMs: number) {
    this.#host = host;
    this.#target = target;
    this.#timeoutMs = timeoutMs;
  }

  get server(): string {
    return this.#target.server;
  }

  async call(path: string, call: Call = {}): Promise<ApiReply> {
    const headers = this.#headers(call);
    const isRepeatable = (call.method ?? 'GET') === 'GET' || headers.has('idempotency-key');
    for (let attempt = 1; ; attempt += 1) {
      const outcome = await this.#attempt(path, call, headers);
      if (!('lost' in outcome) && outcome.status < 300) return this.#understood(outcome);
      const waitMs = attempt < ATTEMPTS ? waitAfter(outcome, attempt, isRepeatable) : null;
      if (waitMs === null) throw this.#refusal(outcome, path, call);
      await this.#pause(waitMs);
    }
  }

  /** A portal of a hotel answers 200 too. */
  #understood(reply: ApiReply): ApiReply {
    if (reply.text === '' || (typeof reply.json === 'object' && reply.json !== null)) return reply;
    throw new CommandFailure(`${this.server} answers (${reply.status}), but not as Latchkey does`, EXIT.unreachable);
  }

  #headers({ method = 'GET', body, idempotencyKey }: Call): Headers {
    const headers = new Headers({
      authorization: `Bearer ${this.#target.key}`,
      accept: 'application/json',
      'x-client-version': `latchkey-cli/${this.#host.version}`,
    });
    if (body !== undefined) headers.set('content-type', 'application/json');
    if (method !== 'GET' && idempotencyKey !== null) {
      headers.set('idempotency-key', idempotencyKey ?? Buffer.from(this.#host.randomBytes(18)).toString('base64url'));
    }
    return headers;
  }

  async #attempt(path: string, { method = 'GET', query, body }: Call, headers: Headers): Promise<Outcome> {
    const interruption = this.#host.interruption();
    try {
      const response = await fetch(urlOf(this.#target, path, query), {
        method,
        headers,
        // Whoever answers in the server's name may not send the key on.
        redirect: 'manual',
        signal: AbortSignal.any([interruption, AbortSignal.timeout(this.#timeoutMs)]),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = plainJson(await textOf(response));
      return { status: response.status, headers: response.headers, text, json: parsed(text) };
    } catch (error) {
      if (interruption.aborted) throw new Interrupted(method === 'GET' ? undefined : `interrupted; ${PERHAPS_DONE}`);
      return { lost: causeOf(error) };
    }
  }

  async #pause(waitMs: number): Promise<void> {
    if (waitMs > LONGEST_SILENCE_MS) {
      this.#host.stderr.write(`latchkey: a limit is used up; going on in ${Math.ceil(waitMs / 1000)} s\n`);
    }
    try {
      await pause(waitMs, undefined, { signal: this.#host.interruption() });
    } catch {
      throw new Interrupted();
    }
  }

  #refusal(outcome: Outcome, path: string, { method = 'GET' }: Call): CommandFailure {
    if ('lost' in outcome) {
      if (isUntrusted(outcome.lost)) {
        return new CommandFailure(
          `the certificate of ${this.server} is not trusted (${outcome.lost}). For one of your own authority, set ` +
            'NODE_EXTRA_CA_CERTS=/path/to/ca.pem',
          EXIT.unreachable,
        );
      }
      if (outcome.lost === 'ERR_SSL_WRONG_VERSION_NUMBER' || outcome.lost === 'ERR_SSL_PACKET_LENGTH_TOO_LONG') {
        return new CommandFailure(`${this.server} does not speak https: is it an http address?`, EXIT.unreachable);
      }
      const doubt = method === 'GET' ? '' : ` If it is, ${PERHAPS_DONE}.`;
      return new CommandFailure(
        `${this.server} does not answer (${outcome.lost}). Is the server running, and is this its address?${doubt}`,
        EXIT.unreachable,
      );
    }
    if (outcome.status < 400) {
      return new CommandFailure(
        `${this.server} answers with a redirect (${outcome.status}); keys are sent to the address that was named only. ` +
          'Name the address that it leads to',
        EXIT.usage,
      );
    }
    return new ApiRefusal(outcome.status, outcome.text, { path, requestId: outcome.headers.get('x-request-id') });
  }
}

/** No reply of the API comes near it, and what comes is unpacked: a small one may become any number of bytes. */
const LARGEST_REPLY_BYTES = 64 * 1024 * 1024;

async function textOf({ body }: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of body ?? []) {
    bytes += piece.byteLength;
    if (bytes > LARGEST_REPLY_BYTES) throw new Error('its reply has no end');
    pieces.push(piece);
  }
  return new TextDecoder().decode(Buffer.concat(pieces));
}

type Outcome = ApiReply | { lost: string };

function parsed(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether the certificate was not believed: that does not pass by itself. */
function isUntrusted(cause: string): boolean {
  return /CERT|SELF_SIGNED|UNABLE_TO_/.test(cause);
}

/** How long to wait before the call is tried again; null when that would not help, or is not safe. */
function waitAfter(outcome: Outcome, attempt: number, isRepeatable: boolean): number | null {
  const backOffMs = FIRST_PAUSE_MS * 2 ** (attempt - 1);
  if ('lost' in outcome) return isRepeatable && !isUntrusted(outcome.lost) ? backOffMs : null;
  const { status, headers, json } = outcome;
  if (status === 429) {
    // A quota is not used up any less in a minute.
    if ((json as { error?: unknown } | undefined)?.error === 'quota_exceeded') return null;
    const seconds = Number(headers.get('retry-after'));
    const waitMs = seconds > 0 ? seconds * 1000 : backOffMs;
    return waitMs <= LONGEST_WAIT_MS ? waitMs : null;
  }
  return status === 503 && isRepeatable ? backOffMs : null;
}

function timeoutOf(text: unknown, path: string): number {
  const ms = parseDurationMs(String(text));
  if (ms === null || ms > 3_600_000) throw new UsageError('--timeout is a duration such as 30s, up to 1h', path);
  return ms;
}

/** The server that the parsed `serverOptions` name. Nothing is sent yet. */
export async function openApi(host: Host, options: Record<string, unknown>, path: string): Promise<Api> {
  const timeoutMs = timeoutOf(options.timeout, path);
  return new Client(host, resolveTarget(host, options as TargetOptions, path), timeoutMs);
}
