import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect as connectHttp2 } from 'node:http2';
import { createConnection, type Socket } from 'node:net';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { newCertificate } from './certificate.ts';
import { newDataDir, type Program, startProgram, stopPrograms } from './program.ts';

afterEach(stopPrograms);

function portOf({ ready }: Program): number {
  return Number(new URL(ready.url).port);
}

async function connected(program: Program): Promise<Socket> {
  const socket = createConnection({ host: '127.0.0.1', port: portOf(program) });
  await once(socket, 'connect');
  return socket;
}

/** The head and the first half of a request that makes a key, and its second half. */
function halves({ ready }: Program, name: string): [string, string] {
  const body = JSON.stringify({ name, scopes: ['read'] });
  const head = [
    'POST /v1/api-keys HTTP/1.1',
    'Host: localhost',
    `Authorization: Bearer ${ready.test_key}`,
    'Content-Type: application/json',
    `Content-Length: ${body.length}`,
  ];
  return [`${head.join('\r\n')}\r\n\r\n${body.slice(0, 10)}`, body.slice(10)];
}

/** Resolves once nobody listens any more. */
function deaf(program: Program): Promise<void> {
  return vi.waitFor(
    async () => {
      const socket = createConnection({ host: '127.0.0.1', port: portOf(program) });
      const refused = await once(socket, 'connect').then(
        () => false,
        () => true,
      );
      socket.destroy();
      expect(refused).toBe(true);
    },
    { timeout: 5000, interval: 20 },
  );
}

async function readAll(socket: Socket): Promise<string> {
  let text = '';
  for await (const chunk of socket.setEncoding('utf8')) text += chunk;
  return text;
}

// Each must end before the grace of ten seconds does: nothing here needs it.
const limit = { timeout: 9000 };

describe('SIGTERM', limit, () => {
  test('lets a request that is half sent finish, and keeps what it acknowledged', async () => {
    const program = await startProgram();
    const [start, rest] = halves(program, 'made while stopping');
    const socket = await connected(program);
    socket.write(start);
    // Answered after the half request arrived, which the program has therefore begun.
    await program.call('/healthz', { key: null });
    const exited = program.end('SIGTERM');
    await deaf(program);
    socket.write(rest);
    const reply = await readAll(socket);
    expect(reply).toMatch(/^HTTP\/1\.1 201 /);
    expect(await exited).toEqual({ code: 0, signal: null });
    const { key } = JSON.parse(reply.slice(reply.indexOf('\r\n\r\n') + 4));
    const again = await startProgram({ dataDir: program.dataDir });
    expect((await again.call('/v1/auth/verify', { key })).status).toBe(200);
  });

  test('ends at once when connections are open but idle, and writes down when keys were used', async () => {
    const program = await startProgram();
    const idle = await connected(program);
    const used = await connected(program);
    used.write(`GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await once(used, 'data');
    expect((await program.call('/v1/auth/verify')).status).toBe(200);
    expect(await program.end('SIGTERM')).toEqual({ code: 0, signal: null });
    idle.destroy();
    used.destroy();
    const again = await startProgram({ dataDir: program.dataDir });
    const { json } = await again.call('/v1/api-keys', { key: program.ready.test_key ?? null });
    expect(json.data[0].last_used_at).toMatch(/^\d{4}-/);
  });

  test('and SIGINT alike', async () => {
    const program = await startProgram();
    expect(await program.end('SIGINT')).toEqual({ code: 0, signal: null });
  });
});

describe('SIGTERM with TLS', limit, () => {
  test('ends idle HTTP/2 sessions, and lets a stream that is half sent finish', async () => {
    const dataDir = newDataDir();
    const { cert, key } = newCertificate(dataDir);
    const env = { LATCHKEY_TLS_CERT: cert, LATCHKEY_TLS_KEY: key };
    const program = await startProgram({ dataDir, env });
    const open = () => connectHttp2(program.ready.url, { ca: readFileSync(cert) });
    const [idle, busy] = [open(), open()];
    const ping = idle.request({ ':path': '/healthz' });
    await Promise.all([once(ping, 'response'), once(ping.resume(), 'close')]);
    const body = JSON.stringify({ name: 'made while stopping', scopes: ['read'] });
    const stream = busy.request({
      ':method': 'POST',
      ':path': '/v1/api-keys',
      authorization: `Bearer ${program.ready.test_key}`,
      'content-type': 'application/json',
    });
    stream.write(body.slice(0, 10));
    // A later stream of the same session was answered, so the half one has begun.
    const later = busy.request({ ':path': '/healthz' });
    await Promise.all([once(later, 'response'), once(later.resume(), 'close')]);
    const idleClosed = once(idle, 'close');
    const exited = program.end('SIGTERM');
    await idleClosed;
    stream.end(body.slice(10));
    const [headers] = await once(stream, 'response');
    expect(headers[':status']).toBe(201);
    stream.resume();
    expect(await exited).toEqual({ code: 0, signal: null });
    busy.destroy();
  });
});
