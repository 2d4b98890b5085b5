import type { Caller } from './callers.ts';
import type { Operation } from './operations.ts';
import type { WireReply } from './wire.ts';

/** A request before it is bytes. */
export interface Draft {
  /** Its number in the run: with the seed it names the request. */
  index: number;
  caller: Caller;
  /** The call that it began as; what became of it may be another, or none. */
  operation: Operation;
  method: string;
  /** As it stands in the request line, without query. */
  path: string;
  /** Each `name=value`, encoded. */
  query: string[];
  headers: [name: string, value: string][];
  body: Buffer | null;
  /** `chunked`: in pieces; `broken`: its length is not what it says, so the connection ends with it. */
  framing: 'whole' | 'chunked' | 'broken';
  /** What Content-Length says when the framing is broken. */
  saidLength: string;
  /** What was done to it, for whoever reads the report. */
  mutations: string[];
  /** The client that asks at OAuth's endpoints, for whom what it gets is remembered. */
  holder?: string;
  /** Which of OAuth's requests it is, such as `refresh_token`. */
  kind?: string;
  /** Learns from the reply, whatever it is. */
  heard?(reply: WireReply): void;
}

export function targetOf({ path, query }: Draft): string {
  return query.length === 0 ? path : `${path}?${query.join('&')}`;
}

/** The value that node:http will see; lines of one name are joined. */
export function headerOf({ headers }: Draft, name: string): string | undefined {
  const values = headers.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value.trim());
  return values.length === 0 ? undefined : values.join(', ');
}

function chunked(body: Buffer): Buffer {
  const parts: (Buffer | string)[] = [];
  const step = Math.max(1, Math.ceil(body.length / 3));
  for (let from = 0; from < body.length; from += step) {
    const piece = body.subarray(from, from + step);
    parts.push(`${piece.length.toString(16)}\r\n`, piece, '\r\n');
  }
  parts.push('0\r\n\r\n');
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)));
}

/** The request as it goes over the wire. */
export function bytesOf(draft: Draft): Buffer {
  const { method, headers, body, framing } = draft;
  const lines = [`${method} ${targetOf(draft)} HTTP/1.1`];
  if (headerOf(draft, 'host') === undefined) lines.push('Host: localhost');
  for (const [name, value] of headers) lines.push(`${name}: ${value}`);
  if (framing === 'chunked') lines.push('Transfer-Encoding: chunked');
  else if (framing === 'broken') lines.push(`Content-Length: ${draft.saidLength}`);
  else if (body !== null) lines.push(`Content-Length: ${body.length}`);
  const sent = body === null ? Buffer.alloc(0) : framing === 'chunked' ? chunked(body) : body;
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), sent]);
}
