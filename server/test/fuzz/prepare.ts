import type { Prepare } from './callers.ts';
import type { SignIn } from './people.ts';
import type { Connection } from './wire.ts';

/** Plain calls over one connection. */
export function preparer(connection: Connection): Prepare {
  return async ({ key, cookie, method, path, json, status }) => {
    const body = json === undefined ? '' : JSON.stringify(json);
    const lines = [`${method ?? (json === undefined ? 'GET' : 'POST')} ${path} HTTP/1.1`, 'Host: localhost'];
    if (key !== null) lines.push(`Authorization: Bearer ${key}`);
    if (cookie !== undefined) lines.push(`Cookie: ${cookie}`, 'Sec-Fetch-Site: same-origin');
    if (body !== '') lines.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`);
    const outcome = await connection.send(Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`), false);
    if (typeof outcome === 'string' || outcome.status !== status) {
      throw new Error(`${path}: ${typeof outcome === 'string' ? outcome : `${outcome.status} ${outcome.text}`}`);
    }
    return outcome.text === '' ? undefined : JSON.parse(outcome.text);
  };
}

/** Signing in by the API, which a browser does. */
export function signerIn(connection: Connection): SignIn {
  return async (email, password) => {
    const body = JSON.stringify({ email, password });
    const head = `POST /v1/account/sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n`;
    const bytes = Buffer.from(`${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    const outcome = await connection.send(bytes, false);
    const line = typeof outcome === 'string' ? '' : (outcome.headers.get('set-cookie') ?? '');
    const session = /latchkey_session=([\w-]{43})/.exec(line)?.[1];
    if (session === undefined) throw new Error(`${email} could not sign in`);
    return session;
  };
}
