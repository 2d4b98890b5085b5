import type { Prepare } from './callers.ts';
import type { Connection } from './wire.ts';

/** Plain calls over one connection. */
export function preparer(connection: Connection): Prepare {
  return async ({ key, method, path, json, status }) => {
    const body = json === undefined ? '' : JSON.stringify(json);
    const lines = [`${method ?? (json === undefined ? 'GET' : 'POST')} ${path} HTTP/1.1`, 'Host: localhost'];
    if (key !== null) lines.push(`Authorization: Bearer ${key}`);
    if (body !== '') lines.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`);
    const outcome = await connection.send(Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`), false);
    if (typeof outcome === 'string' || outcome.status !== status) {
      throw new Error(`${path}: ${typeof outcome === 'string' ? outcome : `${outcome.status} ${outcome.text}`}`);
    }
    return outcome.text === '' ? undefined : JSON.parse(outcome.text);
  };
}
