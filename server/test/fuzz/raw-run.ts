import { connect, type Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { ErrorShape } from './error-shapes.ts';
import { problemsOfError, problemsOfHeaders } from './oracle.ts';
import { isHtml, problemsOfPage } from './page-oracle.ts';
import type { RawCase } from './raw-cases.ts';
import { ReplyReader, type WireReply } from './wire.ts';

export interface RawResult {
  replies: WireReply[];
  /** Null: closed in time. */
  stuck: string | null;
}

/** Everything that came back until the server closed. */
function collect(socket: Socket, timeoutMs: number): Promise<RawResult> {
  return new Promise((resolve, reject) => {
    const reader = new ReplyReader();
    const replies: WireReply[] = [];
    const timer = setTimeout(() => {
      socket.destroy();
      resolve({ replies, stuck: `the connection is still open after ${timeoutMs} ms` });
    }, timeoutMs);
    socket.on('data', (chunk) => {
      try {
        replies.push(...reader.read(chunk));
      } catch (error) {
        clearTimeout(timer);
        socket.destroy();
        reject(error);
      }
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      resolve({ replies, stuck: null });
    });
  });
}

/** Does what the case says to one connection of its own. */
export async function runRaw(port: number, raw: RawCase, timeoutMs: number): Promise<RawResult> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  const collected = collect(socket, timeoutMs);
  for (const part of raw.parts) {
    if (socket.destroyed) break;
    socket.write(typeof part === 'string' ? Buffer.from(part, 'latin1') : part);
    if (raw.parts.length > 1) await setImmediate();
  }
  if (raw.ending === 'end') socket.end();
  else if (raw.ending === 'reset') socket.resetAndDestroy();
  return collected;
}

/** Whether the ids that came back are the expected ones in order, with made-up ones for what could not be read. */
function problemsOfOrder(raw: RawCase, replies: readonly WireReply[]): string[] {
  const ids = replies.map(({ headers }) => headers.get('x-request-id') ?? '');
  const known = ids.filter((id) => !/^req_[0-9A-Za-z]{24}$/.test(id));
  if (raw.answers.length === 0 || known.every((id, index) => id === raw.answers[index])) return [];
  return [`answered ${known.join(', ')}; expected ${raw.answers.join(', ')}`];
}

/** How errors may look. */
export interface Told {
  shapes: readonly ErrorShape[];
  isGate: boolean;
  /** A refusal may be a page. */
  mayBePage?: boolean;
}

/** What is wrong with what came back; `told` is how errors may look. */
export function problemsOfRaw(
  raw: RawCase,
  { replies, stuck }: RawResult,
  told: Told = { shapes: ['v1', 'v2'], isGate: false },
): string[] {
  const problems = stuck === null ? [] : [stuck];
  if (raw.ending === 'reset') return problems;
  problems.push(...problemsOfOrder(raw, replies));
  for (const reply of replies) {
    problems.push(...problemsOfHeaders(reply, true));
    if (isHtml(reply) && told.mayBePage) problems.push(...problemsOfPage(reply));
    else if (reply.status >= 400) problems.push(...problemsOfError(reply, told.shapes, told.isGate, false));
  }
  const last = replies.at(-1)?.status;
  // A server that refuses early may reset what is still being sent, and its last words with it.
  if (raw.last.length > 0 && last !== undefined && !raw.last.includes(last)) problems.push(`the last reply is ${last}`);
  if (raw.last.length > 0 && last === undefined && raw.parts.join('').length < 16_000) problems.push('no reply');
  return problems;
}
