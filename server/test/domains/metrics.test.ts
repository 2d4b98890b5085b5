import { mintSecret } from '@latchkey/protocol';
import { describe, expect, onTestFinished, test } from 'vitest';
import { pooledRandom } from '../../src/crypto/index.ts';
import { startServer, stopServers, type TestServer } from '../harness.ts';
import { makeKey, makeWorkspace } from './installation.ts';

/** The value of one series, 0 when it is not there. */
async function countOf(server: TestServer, series: string): Promise<number> {
  const { status, text } = await server.call('/metrics', { key: server.rootKey });
  expect(status).toBe(200);
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? 0);
}

const decisions = (method: string, outcome: string, code: string) =>
  `latchkey_auth_decisions_total{method="${method}",outcome="${outcome}",code="${code}"}`;

const production = () => ({
  LATCHKEY_MODE: 'production',
  LATCHKEY_ISSUER: 'https://auth.example.com',
  LATCHKEY_ROOT_KEY: mintSecret('root', pooledRandom()),
  LATCHKEY_ENCRYPTION_KEYS: `k1:${Buffer.from(pooledRandom()(32)).toString('base64')}`,
});

describe('metrics', () => {
  test('count each decision by how the caller proved itself and what was said', async () => {
    onTestFinished(stopServers);
    const server = await startServer();
    const { key, id } = await makeKey(server, { scopes: ['read'] });
    const verify = (credential: string | null) => server.call('/v1/auth/verify', { key: credential });
    await verify(null);
    await verify('tiny');
    await verify('a-key-of-another-system');
    await verify(mintSecret('secret_test', pooledRandom()));
    await verify(mintSecret('root', pooledRandom()));
    await verify(key);
    await verify(key);
    await server.call('/v1/projects', { key, json: { name: 'x' } });
    await server.call('/v1/projects', { key, json: { name: 'x' } });
    await server.call('/v2/orders', { key: server.rootKey });
    await server.call(`/v1/api-keys/${id}/revoke`, { key: server.rootKey, json: {} });
    await verify(key);
    expect(await countOf(server, decisions('none', 'denied', 'missing_token'))).toBe(1);
    expect(await countOf(server, decisions('none', 'denied', 'invalid_token'))).toBe(1);
    expect(await countOf(server, decisions('api_key', 'denied', 'invalid_token'))).toBe(2);
    expect(await countOf(server, decisions('root', 'denied', 'invalid_token'))).toBe(1);
    expect(await countOf(server, decisions('api_key', 'allowed', 'ok'))).toBe(2);
    expect(await countOf(server, decisions('api_key', 'denied', 'insufficient_scope'))).toBe(2);
    expect(await countOf(server, decisions('root', 'denied', 'forbidden'))).toBe(1);
    expect(await countOf(server, decisions('api_key', 'denied', 'token_revoked'))).toBe(1);
    expect(await countOf(server, 'latchkey_forbidden_total{route="/v1/projects"}')).toBe(2);
    expect(await countOf(server, 'latchkey_forbidden_total{route="/v2/orders"}')).toBe(1);
  });

  test('have labels of routes and codes, never of what a caller sent', async () => {
    onTestFinished(stopServers);
    const server = await startServer();
    const { id } = await makeKey(server, { name: 'labelled' });
    const call = (path: string, method = 'GET') => server.call(path, { method });
    await call(`/v1/api-keys/${id}`);
    for (let index = 0; index < 20; index += 1) {
      await call(`/v1/nowhere-${index}`);
      await call(`/nowhere-${index}/x?y=${index}`);
      await call(`/v1/projects/prj_nowhere${index}`, 'PUT');
      await call('/v1/projects', 'PROPFIND');
    }
    const { text, headers } = await server.call('/metrics', { key: server.rootKey });
    expect(headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    expect(text).not.toMatch(/nowhere|labelled|key_[0-9A-Za-z]{24}|ws_[0-9A-Za-z]{24}/);
    expect(text).toContain('route="/v1/api-keys/:id"');
    const series = text.split('\n').filter((line) => line.startsWith('latchkey_http_request_duration_seconds_count'));
    expect(series.length).toBeLessThan(12);
  });

  test('exist from the start, with their help', async () => {
    onTestFinished(stopServers);
    const server = await startServer();
    const { text } = await server.call('/metrics', { key: null });
    for (const name of [
      'latchkey_auth_decisions_total',
      'latchkey_forbidden_total',
      'latchkey_http_request_duration_seconds',
    ]) {
      expect(text).toMatch(new RegExp(`# HELP ${name} .+\n# TYPE ${name} (counter|histogram)\n`));
    }
  });

  test('in development are root’s and a peer’s on this machine, never a key’s', async () => {
    onTestFinished(stopServers);
    const server = await startServer();
    const status = async (key: string | null, headers: Record<string, string> = {}) =>
      (await server.call('/metrics', { key, headers })).status;
    expect(await status(null)).toBe(200);
    expect(await status(server.rootKey)).toBe(200);
    expect(await status(server.key)).toBe(403);
    expect(await status((await makeKey(server, { scopes: ['admin', 'usage:read'] })).key)).toBe(403);
    expect(await status('nonsense')).toBe(401);
    expect(await status(null, { 'x-forwarded-for': '203.0.113.9' })).toBe(401);
    expect(await status(null, { forwarded: 'for=203.0.113.9' })).toBe(401);
  });

  test('in production are root’s alone', async () => {
    onTestFinished(stopServers);
    const env = production();
    const server = await startServer({ env });
    const workspace_id = await makeWorkspace(server);
    const { key } = await makeKey(server, { workspace_id, scopes: ['admin'] });
    const status = async (credential: string | null) => (await server.call('/metrics', { key: credential })).status;
    expect(await status(null)).toBe(401);
    expect(await status(key)).toBe(403);
    expect(await status(env.LATCHKEY_ROOT_KEY)).toBe(200);
  });
});
