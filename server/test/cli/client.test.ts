import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { newCertificate } from '../running/certificate.ts';
import { newDataDir, runProgram, startProgram, stopPrograms } from '../running/program.ts';

// Each command is a process of its own, and the machine may be busy.
vi.setConfig({ testTimeout: 120_000 });

const bin = fileURLToPath(new URL('../../bin/latchkey.js', import.meta.url));
const KEY = `sk_test_${'0'.repeat(40)}1OPGLw`;
const ID = 'key_000000000000000000000000';

const open = new Set<Server>();
afterEach(async () => {
  for (const server of open) server.close().closeAllConnections();
  open.clear();
  await stopPrograms();
});

type Answer = (response: ServerResponse) => void;

/** A server on a bad day: gives these answers, one after another, and the last one again and again. */
async function badDay(...answers: Answer[]) {
  const calls: { method: string; url: string; headers: IncomingHttpHeaders }[] = [];
  const server = createServer((request, response) => {
    const { method = '', url = '', headers } = request;
    answers[Math.min(calls.length, answers.length - 1)]?.(response);
    calls.push({ method, url, headers });
  });
  open.add(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { calls, env: { LATCHKEY_URL: url, LATCHKEY_KEY: KEY } };
}

const reply =
  (status: number, body: unknown, headers: Record<string, string> = {}): Answer =>
  (response) =>
    response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(typeof body === 'string' ? body : JSON.stringify(body));
const error = (status: number, code: string, headers = {}) =>
  reply(status, { error: code, message: 'No.', code: status, request_id: 'req_1' }, headers);
const hangUp: Answer = (response) => response.destroy();
const silence: Answer = () => {};

const made = { id: ID, name: 'n', scopes: [], key: KEY };
const create = ['keys', 'create', '--name', 'n', '--scope', 'read', '--json', '--show-secret'];

describe('a call that fails is tried again where that is safe', () => {
  test('after a lost answer, a 503 and a limit, under the same Idempotency-Key', async () => {
    const { calls, env } = await badDay(
      hangUp,
      error(503, 'unavailable'),
      error(429, 'rate_limit_exceeded', { 'retry-after': '1' }),
      reply(201, made),
    );
    const done = await runProgram(create, { env });
    expect([done.code, JSON.parse(done.stdout)]).toEqual([0, made]);
    expect(calls).toHaveLength(4);
    expect(new Set(calls.map(({ headers }) => headers['idempotency-key'])).size).toBe(1);
    expect(calls[0]?.headers['idempotency-key']).toMatch(/^\S{20,}$/);
    await runProgram(create, { env });
    expect(calls[4]?.headers['idempotency-key']).not.toBe(calls[0]?.headers['idempotency-key']);
  });

  test('but not for ever', async () => {
    const { calls, env } = await badDay(error(503, 'unavailable'));
    const { code, stderr } = await runProgram(['scopes', 'list'], { env });
    expect([code, stderr, calls.length]).toEqual([5, expect.stringContaining('unavailable (503): No.'), 4]);
  });

  test.each([
    ['a limit that ends in an hour', error(429, 'rate_limit_exceeded', { 'retry-after': '3000' }), 6],
    ['a quota', error(429, 'quota_exceeded', { 'retry-after': '1' }), 6],
    ['a mistake of ours', error(422, 'validation_failed'), 2],
    ['what another says, who is no Latchkey', reply(502, '<html>bad gateway</html>'), 5],
  ])('%s is told at once', async (_, answer, exitCode) => {
    const { calls, env } = await badDay(answer);
    const { code, stdout } = await runProgram(['scopes', 'list', '--json'], { env });
    expect([code, calls.length]).toEqual([exitCode, 1]);
    expect(stdout).not.toContain('html');
  });

  test('a verification is asked once: it may have been spent', async () => {
    const { calls, env } = await badDay(hangUp);
    expect((await runProgram(['keys', 'verify'], { env, input: KEY })).code).toBe(5);
    expect(calls.map(({ headers }) => headers['idempotency-key'])).toEqual([undefined]);
  });
});

test('what a server says moves no cursor, as JSON neither', async () => {
  const { env } = await badDay(reply(200, `{"data":[{"name":"a\u009b2J"}],"next_cursor":null,"x":"\u001b]0;t\u0007"}`));
  for (const command of [
    ['scopes', 'list', '--json'],
    ['keys', 'list', '--json'],
    ['whoami', '--json'],
  ]) {
    const { stdout } = await runProgram(command, { env });
    expect([command, stdout.trimEnd()]).toEqual([command, expect.stringMatching(/^\P{Cc}+$/u)]);
  }
});

test.each(['<html>Please sign in</html>', '"{}"', '7', '{}', '{"data":7}'])(
  '%s is no list, and said to be none',
  async (text) => {
    const { env } = await badDay(reply(200, text));
    const { code, stderr, stdout } = await runProgram(['keys', 'list'], { env });
    expect([code, stdout, stderr]).toEqual([5, '', expect.stringMatching(/^latchkey: http.* answers .*Latchkey.*\n$/)]);
  },
);

test('a reply that becomes far larger than it came is given up', async () => {
  const bomb = gzipSync(Buffer.alloc(80 * 1024 * 1024, ' '));
  const { env, calls } = await badDay((response) =>
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(bomb),
  );
  const { code, stderr } = await runProgram(['keys', 'verify'], { env, input: KEY });
  expect([code, stderr, calls.length]).toEqual([5, expect.stringContaining('its reply has no end'), 1]);
});

test('a server that is silent is given up', async () => {
  const { env } = await badDay(silence);
  const { code, stderr } = await runProgram(['keys', 'verify', '--timeout', '1s'], { env, input: KEY });
  expect([code, stderr]).toEqual([5, expect.stringContaining('no answer in time')]);
});

test('a certificate that nobody vouches for is told at once, and believed when it is named', async () => {
  const folder = newDataDir();
  const { cert, key } = newCertificate(folder);
  const { url } = (await startProgram({ env: { LATCHKEY_TLS_CERT: cert, LATCHKEY_TLS_KEY: key } })).ready;
  const env = { LATCHKEY_URL: url, LATCHKEY_KEY: KEY };
  const distrusted = await runProgram(['scopes', 'list'], { env });
  expect([distrusted.code, distrusted.stderr]).toEqual([5, expect.stringContaining('NODE_EXTRA_CA_CERTS')]);
  const named = await runProgram(['scopes', 'list'], { env: { ...env, NODE_EXTRA_CA_CERTS: cert } });
  expect([named.code, named.stderr]).toEqual([3, expect.stringContaining('invalid_token')]);
});

test('Ctrl-C ends a call at once, with 130 and a word', async () => {
  const { calls, env } = await badDay(silence);
  const child = spawn(process.execPath, [bin, 'scopes', 'list'], { env: { PATH: process.env.PATH, ...env } });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    said += chunk;
  });
  await vi.waitFor(() => expect(calls).toHaveLength(1), { timeout: 30_000 });
  child.kill('SIGINT');
  expect(await once(child, 'close')).toEqual([130, null]);
  expect(said).toBe('latchkey: interrupted\n');
});

test('Ctrl-C, and a lost answer, leave no doubt unsaid where something was to be written', async () => {
  const { env } = await badDay(silence);
  const { code, stderr } = await runProgram(['workspaces', 'create', '--name', 'x', '--timeout', '1s'], { env });
  expect([code, stderr]).toEqual([5, expect.stringContaining('may have been done all the same')]);
});

test('what a server says cannot move the cursor', async () => {
  const { env } = await badDay(
    reply(404, { error: 'not_found', message: '\u001b[2Jgone\r\u202e', code: 404, request_id: 'r\u0007' }),
  );
  const { stderr } = await runProgram(['scopes', 'list'], { env });
  expect(stderr).toBe(
    'latchkey: not_found (404): \\u{1b}[2Jgone\\u{d}\\u{202e}\n  asked for: /v1/scopes\n  request id: r\\u{7}\n',
  );
});
