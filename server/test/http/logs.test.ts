import { mintSecret } from '@latchkey/protocol';
import { afterAll, describe, expect, test } from 'vitest';
import { createLog } from '../../src/log.ts';
import { DATABASES, startServer, stopServers, type TestServer } from '../harness.ts';
import { request, sendRaw } from './raw.ts';

afterAll(stopServers);

const mint = () => mintSecret('secret_live', (count) => crypto.getRandomValues(new Uint8Array(count)));

/** All the ways in which a secret may stand in a text that somebody wrote down. */
function spellings(secret: string): string[] {
  const bytes = Buffer.from(secret);
  return [
    secret,
    secret.slice(-46),
    encodeURIComponent(secret),
    secret.replaceAll('_', '%5F'),
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('hex'),
    JSON.stringify(secret).slice(1, -1),
    [...secret].map((char) => `%${char.charCodeAt(0).toString(16)}`).join(''),
  ];
}

/** Keys are made, used, refused, sent where they do not belong; returns every one that was in any request or reply. */
async function variedCalls(server: TestServer): Promise<string[]> {
  const secrets: string[] = [];
  const create = async (json: object, headers: Record<string, string> = {}) => {
    const reply = await server.call('/v1/api-keys', { key: server.rootKey, json, headers });
    if (reply.json.key) secrets.push(reply.json.key);
    return reply;
  };
  const base = { name: 'logged', scopes: ['read', 'write'] };
  await create(base);
  await create({ ...base, environment: 'live' });
  await create({ ...base, type: 'restricted', scopes: ['read'] });
  await Promise.all([1, 2, 3].map(() => create(base, { 'idempotency-key': 'twins' })));
  await create({ ...base, name: 'other' }, { 'idempotency-key': 'twins' });
  await create({ ...base, external_id: 'same' });
  await create({ ...base, external_id: 'same' });
  const { json: turned } = await create(base);
  const rotated = await server.call(`/v1/api-keys/${turned.id}/rotate`, { key: server.rootKey, json: {} });
  secrets.push(rotated.json.key);
  const { json: short } = await create({ ...base, expires_in: '1s' });
  const { json: dead } = await create(base);
  await server.call(`/v1/api-keys/${dead.id}/revoke`, { key: server.rootKey, json: { reason: dead.key } });
  const strangers = [mint(), `sk_test_${'0'.repeat(46)}`, 'whsec:16C7e42F292c6912E7710c838347Ae178B4a'];
  secrets.push(...strangers);
  for (const key of [...strangers, short.key, dead.key, server.key, server.rootKey]) {
    for (const path of ['/v1/auth/verify', '/v2/auth/test', '/v1/projects', '/metrics', '/nowhere', '/v1/%zz']) {
      await server.call(path, { key });
      await server.call(path, { key: null, headers: { 'x-api-key': key } });
      await server.call(path, { key: null, headers: { authorization: `Basic ${key}` } });
    }
    const encoded = encodeURIComponent(key).replaceAll('_', '%5F');
    for (const query of [
      `access_token=${key}`,
      `api_key=${encoded}`,
      `cursor=${key}`,
      `limit=${encoded}`,
      `external_id=x${key}`,
    ]) {
      await server.call(`/v1/api-keys?${query}`);
      await server.call(`/nowhere?${query}`);
    }
    await server.call(`/v1/projects/${key}`);
    await server.call('/v1/api-keys/verify', { json: { key } });
    await server.call('/v1/api-keys/verify', { json: { key: [key], more: key } });
    await server.call('/v1/gate?scope=projects:write', { key });
    await server.call(`/${key}`);
    await server.call(`/%zz/${key}`);
    await server.call('/v1/projects', { json: { name: key } });
    await server.call('/v1/projects', { json: { [key]: key } });
    await server.call('/v1/projects', { body: `{"name":"${key}`, headers: { 'content-type': 'application/json' } });
    await server.call('/v1/projects', { body: key, headers: { 'content-type': `text/${key}` } });
    const odd = {
      'x-request-id': key,
      'x-api-version': key,
      'x-client-version': key,
      'user-agent': key,
      accept: key,
      origin: key,
    };
    await server.call('/api-keys', { headers: odd });
    await server.call('/v1/projects', { json: { name: 'x' }, headers: { 'idempotency-key': key } });
    await sendRaw(server, `GET /${key} HTTP/1.1\r\nX-${key}\r\n\r\n`);
    await sendRaw(server, `${key}\r\n\r\n`);
    await sendRaw(
      server,
      request('GET /v1/auth/verify', [`Authorization: Bearer ${key}`, `Authorization: Bearer ${key}`]),
    );
  }
  return secrets;
}

/** Calls whose failure is ours, so that errors with all they know are written down. */
async function failingCalls(server: TestServer, secrets: readonly string[]): Promise<void> {
  const rename = (from: string, to: string) =>
    server.latchkey.database.write(({ query }) => query.schema.alterTable(from).renameTo(to).execute());
  await rename('api_keys', 'hidden');
  for (const key of [mint(), ...secrets.slice(0, 3)]) await server.call('/v1/auth/verify', { key });
  await server.call('/v1/api-keys', { key: server.rootKey, json: { name: 'x', scopes: [] } });
  await rename('hidden', 'api_keys');
  await rename('sandbox_rows', 'hidden');
  await server.call('/v1/projects', { json: { name: secrets[0] } });
  await rename('hidden', 'sandbox_rows');
}

describe.each(DATABASES)('the log at level trace, on %s', (database) => {
  test('holds no secret, in any spelling, whatever is called', async () => {
    const server = await startServer({ database, env: { LATCHKEY_LOG_LEVEL: 'trace' } });
    const secrets = await variedCalls(server);
    await failingCalls(server, secrets);
    await server.stop();
    secrets.push(server.key, server.rootKey, server.firstStart?.owner.password ?? 'no password');
    secrets.push(...server.config.encryptionKeys.map(({ bytes }) => Buffer.from(bytes).toString('base64')));
    expect(new Set(secrets).size).toBeGreaterThan(12);
    expect(server.logLines.length).toBeGreaterThan(200);
    const log = server.logLines.join('');
    for (const secret of secrets) {
      for (const text of spellings(secret)) {
        expect(text.length).toBeGreaterThan(15);
        expect(log.includes(text), `a secret stands in the log, spelled ${text.slice(0, 12)}…`).toBe(false);
      }
    }
    // Left out, not only redacted: no line is made of what looks like a secret.
    expect(log).not.toContain('client_version');
    const levels = new Set(server.logLines.map((line) => JSON.parse(line).level));
    expect([levels.has(20), levels.has(50)]).toEqual([true, true]);
  });
});

describe('a log line', () => {
  test('is one line of JSON, whatever a caller sends', async () => {
    const server = await startServer({ env: { LATCHKEY_LOG_LEVEL: 'trace' } });
    const evil = ['%0d%0a{"level":60}', '%1b%5b31m', '%00', '%e2%80%a8', '"},{"level":60'];
    for (const text of evil) {
      await server.call(`/nowhere/${text}`, {
        headers: { 'x-request-id': 'evil', 'user-agent': decodeURI(text).replace(/[^\x20-\x7e]/g, '?') },
      });
      await server.call(`/v1/api-keys?external_id=${text}`);
      await server.call('/v1/projects', {
        json: { name: [decodeURIComponent(text.replace(/%(?![0-9a-f]{2})/g, '%25'))] },
      });
    }
    expect(server.logLines.length).toBeGreaterThan(10);
    for (const line of server.logLines) {
      expect(line).toMatch(/^\{.*\}\n$/);
      expect(line.slice(0, -1)).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
      expect(JSON.parse(line)).toMatchObject({
        level: expect.any(Number),
        time: expect.any(String),
        msg: expect.any(String),
      });
      expect(JSON.parse(line).level).toBeLessThan(50);
    }
  });

  test('loses the secret that stands in the text of an error', () => {
    const lines: string[] = [];
    const log = createLog('trace', { write: (line) => void lines.push(line) });
    const secrets = [mint(), mint()];
    const cause = new Error(`no row for ${secrets[0]}`);
    log.error(
      { err: new Error(`key=${secrets[1]};%3D${secrets[0]}`, { cause }), more: { deep: [secrets[0]] } },
      secrets[1],
    );
    expect(lines).toHaveLength(1);
    for (const secret of secrets) expect(lines[0]).not.toContain(secret.slice(-46));
    expect(lines[0]).toContain('sk_live_[redacted]');
    expect(JSON.parse(lines[0] ?? '').err.cause.message).toBe('no row for sk_live_[redacted]');
  });

  test('of a refused request has its id, its code and the pattern of its route', async () => {
    const server = await startServer();
    await server.call(`/v1/projects/prj_${'0'.repeat(24)}?x=1`, { headers: { 'x-request-id': 'one' } });
    const lines = server.logLines.map((line) => JSON.parse(line)).filter(({ request_id }) => request_id === 'one');
    expect(lines).toEqual([
      {
        level: 20,
        time: expect.any(String),
        request_id: 'one',
        route: '/v1/projects/:id',
        code: 'not_found',
        msg: 'request refused',
      },
    ]);
  });
});
