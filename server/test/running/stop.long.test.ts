import { once } from 'node:events';
import { createConnection } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { startProgram, stopPrograms } from './program.ts';

afterEach(stopPrograms);

test('a request that never ends does not keep a stopping server for longer than its grace', async () => {
  const program = await startProgram();
  const socket = createConnection({ host: '127.0.0.1', port: Number(new URL(program.ready.url).port) });
  await once(socket, 'connect');
  const head = ['POST /v1/api-keys HTTP/1.1', 'Host: localhost', `Authorization: Bearer ${program.ready.test_key}`];
  socket.write(`${head.join('\r\n')}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"name":`);
  await program.call('/healthz', { key: null });
  const closed = once(socket.resume(), 'close');
  expect(await program.end('SIGTERM')).toEqual({ code: 0, signal: null });
  await closed;
});
