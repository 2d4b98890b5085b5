import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Failure } from '../failure.ts';

export const HEADER_LIMIT_BYTES = 16 * 1024;

type RawRequest = Pick<IncomingMessage, 'rawHeaders' | 'httpVersionMajor' | 'httpVersionMinor'>;

/** HTTP/1.1 names its Host exactly once (RFC 9112 §3.2): proxies that disagree on which one counts can be played. */
export function refusedHost({ rawHeaders, httpVersionMajor, httpVersionMinor }: RawRequest): Failure | undefined {
  if (httpVersionMajor !== 1) return undefined;
  let hosts = 0;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index];
    if (name?.length === 4 && name.toLowerCase() === 'host') hosts += 1;
  }
  if (hosts > 1) return new Failure('invalid_request', 'The request names more than one Host (RFC 9112 §3.2).');
  if (hosts === 1 || httpVersionMinor === 0) return undefined;
  return new Failure('invalid_request', 'The request names no Host (RFC 9112 §3.2).');
}

/**
 * A target has no fragment (RFC 9112 §3.2): whoever reads on behind `#` sees another path than the router does. The
 * asterisk is no path either, which the router would take for `/`; only OPTIONS may name it.
 */
export function refusedTarget({ url = '', method }: Pick<IncomingMessage, 'url' | 'method'>): Failure | undefined {
  const isOdd = url.includes('#') || (url.startsWith('*') && method !== 'OPTIONS');
  return isOdd ? new Failure('invalid_request', 'The path is not a valid URL path.') : undefined;
}

/** HTTP/1 has its cap in the parser; HTTP/2's own would be four times as high. */
export function refusedHeaderSize({ rawHeaders, httpVersionMajor }: RawRequest): Failure | undefined {
  if (httpVersionMajor === 1) return undefined;
  const size = rawHeaders.reduce((sum, text) => sum + text.length, 0);
  if (size <= HEADER_LIMIT_BYTES) return undefined;
  return new Failure('payload_too_large', 'The request headers are larger than 16 KiB.');
}

/** What node:http would answer by itself, without body or request id: an `Expect` it does not know, and CONNECT. */
export function answerOddRequests(
  server: Server,
  refuse: (error: NodeJS.ErrnoException, socket: Socket) => void,
): void {
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response);
  });
  server.on('connect', (request, second) => {
    if (request.httpVersionMajor === 1) refuse(new Error('CONNECT'), second as Socket);
    else (second as unknown as ServerResponse).writeHead(405).end();
  });
}
