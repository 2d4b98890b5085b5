import { type AddressInfo, connect, type Socket } from 'node:net';
import type { TestServer } from '../harness.ts';

/** One HTTP/1.1 reply as it stood on the wire. */
export interface WireReply {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: replies are looked into freely in tests
  json: any;
}

export function portOf(server: TestServer): number {
  return (server.latchkey.http.app.server.address() as AddressInfo).port;
}

/** Sends these very bytes and gives what came back until the server closed; rejects when it keeps the connection open. */
export function sendRaw(
  server: TestServer,
  bytes: string | Buffer,
  options: { end?: boolean } = {},
): Promise<WireReply[]> {
  const socket = connect(portOf(server), '127.0.0.1');
  return exchange(socket, bytes, options);
}

/** The same over a socket that is open already, such as one of TLS. */
export function exchange(socket: Socket, bytes: string | Buffer, { end = false } = {}): Promise<WireReply[]> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`the server kept the connection open after: ${Buffer.concat(chunks).toString('latin1')}`));
    }, 5000);
    socket.on('data', (chunk) => chunks.push(chunk));
    // A server that refuses early may reset what is still being sent; what it said before counts.
    socket.on('error', () => {});
    socket.on('close', () => {
      clearTimeout(timer);
      try {
        resolve(parseReplies(Buffer.concat(chunks)));
      } catch (error) {
        reject(error);
      }
    });
    if (end) socket.end(bytes);
    else socket.write(bytes);
  });
}

/** A whole request. Asks the server to close after it unless the headers say otherwise. */
export function request(line: string, headers: readonly string[] = [], body: string | Buffer = ''): Buffer {
  const all = ['Host: localhost', ...headers];
  if (!headers.some((header) => /^connection:/i.test(header))) all.push('Connection: close');
  if (body.length > 0 && !headers.some((header) => /^(?:content-length|transfer-encoding):/i.test(header))) {
    all.push(`Content-Length: ${Buffer.byteLength(body)}`);
  }
  const head = `${line} HTTP/1.1\r\n${all.map((header) => `${header}\r\n`).join('')}\r\n`;
  return Buffer.concat([Buffer.from(head, 'latin1'), Buffer.from(body)]);
}

function parseReplies(bytes: Buffer): WireReply[] {
  const replies: WireReply[] = [];
  let rest = bytes;
  while (rest.length > 0) {
    const headEnd = rest.indexOf('\r\n\r\n');
    if (headEnd === -1) throw new Error(`no whole reply: ${rest.toString('latin1')}`);
    const [line = '', ...lines] = rest.subarray(0, headEnd).toString('latin1').split('\r\n');
    const headers = new Headers(
      lines.map((each) => [each.slice(0, each.indexOf(':')), each.slice(each.indexOf(':') + 1)]),
    );
    const status = Number(/^HTTP\/1\.[01] (\d{3}) /.exec(line)?.[1]);
    const length = status === 204 ? 0 : Number(headers.get('content-length') ?? Number.NaN);
    if (Number.isNaN(status) || Number.isNaN(length)) throw new Error(`not a reply with a length: ${line}`);
    const text = rest.subarray(headEnd + 4, headEnd + 4 + length).toString('utf8');
    replies.push({ status, headers, text, json: parseJson(text) });
    rest = rest.subarray(headEnd + 4 + length);
  }
  return replies;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
