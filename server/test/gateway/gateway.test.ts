import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { MadeKey } from '../domains/installation.ts';
import { stopServers } from '../harness.ts';
import { toldIn } from '../limits-http/told.ts';
import { PROXIES } from './proxies.ts';
import { bearer, type Stack, startStack } from './stack.ts';
import { valuesOf } from './upstream.ts';

const stacks: Stack[] = [];
afterAll(async () => {
  for (const stack of stacks) await stack.stop();
  await stopServers();
});

describe.each(PROXIES)('behind %s', (name) => {
  let stack: Stack;
  let reader: MadeKey;
  beforeAll(async () => {
    stack = await startStack(name);
    stacks.push(stack);
    reader = await stack.key(['orders:read'], { owner: 'Ada & Bob' });
  });

  /** Asserts that nothing reached the program. */
  const expectNothingPassed = () => expect(stack.upstream.taken()).toEqual([]);

  test('a good call passes, with who is calling in its headers', async () => {
    const reply = await stack.send('GET /orders/7?page=2', [bearer(reader), 'X-Request-ID: mine-1', 'X-Other: kept']);
    expect([reply.status, reply.text]).toEqual([200, `for ${reader.id}`]);
    const [received] = stack.upstream.taken();
    expect([received?.method, received?.url]).toEqual(['GET', '/orders/7?page=2']);
    const identity = {
      method: ['api_key'],
      'user-id': ['Ada%20&%20Bob'],
      subject: [reader.id],
      'workspace-id': [stack.latchkey.workspaceId],
      'credential-id': [reader.id],
      environment: ['live'],
      scopes: ['orders:read'],
      'request-id': ['mine-1'],
    };
    for (const [part, value] of Object.entries(identity)) {
      expect([part, received && valuesOf(received, `x-latchkey-${part}`)]).toEqual([part, value]);
    }
    // Empty for an API key: left out by nginx, empty from Caddy.
    expect(received && valuesOf(received, 'x-latchkey-client-id').join('')).toBe('');
    expect(received && valuesOf(received, 'x-other')).toEqual(['kept']);
    expect(received && valuesOf(received, 'x-forwarded-for')).toEqual(['127.0.0.1']);
  });

  test('the secret stays with the proxy, or passes where the configuration lets it', async () => {
    await stack.send('GET /orders', [bearer(reader)]);
    await stack.send('GET /orders', [`X-API-Key: ${reader.key}`]);
    const hidden = stack.upstream.taken();
    expect(hidden).toHaveLength(2);
    expect(JSON.stringify(hidden)).not.toContain(reader.key);
    const testKey = await stack.key([], { environment: 'test' });
    await stack.send('GET /sandbox', [bearer(testKey)]);
    const [shown] = stack.upstream.taken();
    expect(shown && valuesOf(shown, 'authorization')).toEqual([`Bearer ${testKey.key}`]);
  });

  test('scope and environment are those of the place', async () => {
    const [writer, admin] = [await stack.key(['orders:write']), await stack.key(['admin'])];
    const testKey = await stack.key(['admin'], { environment: 'test' });
    for (const [line, key, expected] of [
      ['GET /orders', reader, 200],
      ['HEAD /orders', reader, 200],
      ['POST /orders', reader, 'insufficient_scope'],
      ['DELETE /orders/7', reader, 'insufficient_scope'],
      ['OPTIONS /orders', reader, 'insufficient_scope'],
      ['GET /', reader, 'insufficient_scope'],
      ['GET /ordersx', reader, 'insufficient_scope'],
      ['GET /sandbox', reader, 'wrong_environment'],
      ['POST /orders', writer, 200],
      ['GET /orders', writer, 'insufficient_scope'],
      ['GET /', admin, 200],
      ['GET /orders', testKey, 'wrong_environment'],
      ['GET /', testKey, 'wrong_environment'],
      ['GET /sandbox/x', testKey, 200],
    ] as const) {
      const reply = await stack.send(line, [bearer(key)]);
      expect([line, reply.json?.error ?? reply.status]).toEqual([line, expected]);
      expect(stack.upstream.taken()).toHaveLength(expected === 200 ? 1 : 0);
    }
  });

  test('401 is told with its challenge', async () => {
    const nobody = await stack.send('GET /orders', ['X-Request-ID: mine-2']);
    expect([nobody.status, nobody.json.error, nobody.json.code]).toEqual([401, 'missing_token', 401]);
    expect(nobody.headers.get('www-authenticate')).toMatch(/^Bearer resource_metadata="[^"]+\/v1"$/);
    expect([nobody.headers.get('x-request-id'), nobody.json.request_id]).toEqual(['mine-2', 'mine-2']);
    expect(nobody.headers.get('content-type')).toMatch(/^application\/json/);
    expect(nobody.headers.get('cache-control')).toBe('no-store');
    const wrong = await stack.send('GET /orders', ['Authorization: Bearer sk_live_nonsense']);
    expect([wrong.status, wrong.json.error]).toEqual([401, 'invalid_token']);
    expect(wrong.headers.get('www-authenticate')).toMatch(/^Bearer error="invalid_token", /);
    const twice = await stack.send('GET /orders', [`X-API-Key: ${reader.key}`, `X-API-Key: ${reader.key}`]);
    expect([twice.status, twice.json.error, twice.json.code]).toEqual([401, 'ambiguous_credentials', 400]);
    expectNothingPassed();
  });

  test('403 is told with the scope that is missing', async () => {
    const reply = await stack.send('POST /orders', [bearer(reader)], '{"size":1}');
    expect([reply.status, reply.json.error, reply.json.code]).toEqual([403, 'insufficient_scope', 403]);
    expect(reply.headers.get('www-authenticate')).toMatch(
      /^Bearer error="insufficient_scope".* scope="orders:write", resource_metadata="[^"]+"$/,
    );
    const root = await stack.send('GET /orders', [`Authorization: Bearer ${stack.latchkey.rootKey}`]);
    expect([root.status, root.json.error]).toEqual([403, 'forbidden']);
    expectNothingPassed();
  });

  test('429 is told with when to come back', async () => {
    const { key } = await stack.key(['orders:read'], { limits: { per_hour: 1, per_second: 9 } });
    const passed = await stack.send('GET /orders', [bearer({ key })]);
    expect(passed.status).toBe(200);
    // Callers that pass are told as well, where show-limits.conf stands.
    if (name === 'nginx') expect(toldIn(passed).hour).toMatchObject({ limit: 1, remaining: 0 });
    stack.upstream.taken();
    const reply = await stack.send('GET /orders', [bearer({ key })]);
    expect([reply.status, reply.json.error]).toEqual([429, 'rate_limit_exceeded']);
    const told = toldIn(reply);
    expect(told.retryAfter).toBeGreaterThan(3500);
    expect(told.policies).toEqual({ hour: { q: 1, w: 3600 }, second: { q: 9, w: 1 } });
    expect(told.hour).toMatchObject({ limit: 1, remaining: 0 });
    expectNothingPassed();
  });

  test('what is no key, in a header or a cookie, is 401 (I7)', async () => {
    for (const header of [
      'Authorization: Bearer',
      'Authorization: Bearer .',
      'Authorization: Bearer a b c',
      'Authorization: Basic YWRtaW46YWRtaW4=',
      'Authorization: \xff\xfe',
      'X-API-Key: ',
      'X-API-Key: %00',
      'Cookie: session=x; __Host-session=%; =;;',
      `Cookie: access_token=${reader.key}`,
      `Cookie: session=${'A'.repeat(4000)}`,
    ]) {
      const reply = await stack.send('GET /orders', [header]);
      expect([header, reply.status]).toEqual([header, 401]);
    }
    expectNothingPassed();
  });

  test('the gate gets the headers and nothing of the body', async () => {
    const writer = await stack.key(['orders:write']);
    stack.relay.taken();
    const body = JSON.stringify({ secret: 'of the caller' });
    const json = 'Content-Type: application/json';
    expect((await stack.send('POST /orders', [bearer(writer), json], body)).status).toBe(200);
    const chunked = `5\r\nof th\r\n6\r\ne call\r\n0\r\n\r\n`;
    const inChunks = [bearer(writer), 'Transfer-Encoding: chunked'];
    expect((await stack.send('POST /orders', inChunks, chunked)).status).toBe(200);
    expect(stack.upstream.taken().map((received) => received.body)).toEqual([body, 'of the call']);
    const asked = stack.relay.taken().join('');
    expect(asked).toContain(writer.key);
    expect(asked).not.toContain('of th');
    expect(decodeURIComponent(asked).match(/^[A-Z]+ \/.*$/gm)).toEqual(
      Array(2).fill(
        `GET /v1/gate?environment=live&scope=orders:write${name === 'nginx' ? '&max_age=&acr_values=' : ''} HTTP/1.1`,
      ),
    );
    expect(asked).not.toMatch(/^(?:transfer-encoding|content-length: [1-9])/im);
  });

  test('the address that Latchkey sees is the true peer (I9, J15)', async () => {
    const home = await stack.key(['orders:read'], { ip_allowlist: ['127.0.0.1'] });
    const away = await stack.key(['orders:read'], { ip_allowlist: ['203.0.113.0/24'] });
    for (const forged of [
      'X-Forwarded-For: 203.0.113.9',
      'X-Forwarded-For: 203.0.113.9, 127.0.0.1',
      'X-Forwarded-For: 127.0.0.1, 203.0.113.9',
      'X-Real-IP: 203.0.113.9',
      'Forwarded: for=203.0.113.9',
      'X_Forwarded_For: 203.0.113.9',
      'Connection: close, X-Forwarded-For',
      'X-Forwarded-Method: GET',
      'X-Forwarded-Uri: /healthz',
    ]) {
      const atHome = await stack.send('GET /orders', [bearer(home), forged]);
      expect([forged, atHome.status]).toEqual([forged, 200]);
      const atWork = await stack.send('GET /orders', [bearer(away), forged]);
      expect([forged, atWork.status, atWork.json?.error]).toEqual([forged, 403, 'ip_not_allowed']);
    }
    for (const received of stack.upstream.taken()) {
      expect(valuesOf(received, 'x-forwarded-for')).toEqual(['127.0.0.1']);
      expect(JSON.stringify(received.rawHeaders)).not.toMatch(/203\.0\.113|healthz/);
    }
  });

  test('a key that is revoked is refused by the next call, and no answer is kept', async () => {
    const { key, id } = await stack.key(['orders:read']);
    expect((await stack.send('GET /orders', [bearer({ key })])).status).toBe(200);
    const revoke = { key: stack.latchkey.rootKey, json: { workspace_id: stack.latchkey.workspaceId } };
    expect((await stack.latchkey.call(`/v1/api-keys/${id}/revoke`, revoke)).status).toBe(200);
    const reply = await stack.send('GET /orders', [bearer({ key })]);
    expect([reply.status, reply.json.error]).toEqual([401, 'token_revoked']);
  });

  test('without Latchkey nobody passes: 503 (I6)', async () => {
    stack.upstream.taken();
    await stack.relay.cut();
    try {
      for (const line of ['GET /orders', 'HEAD /orders', 'POST /orders', 'OPTIONS /orders', 'GET /', 'GET /sandbox']) {
        const reply = await stack.send(line, [bearer(reader)]);
        expect([line, reply.status, reply.headers.get('retry-after')]).toEqual([line, 503, '1']);
        if (!line.startsWith('HEAD')) expect(reply.json).toMatchObject({ error: 'unavailable', code: 503 });
      }
      expectNothingPassed();
      expect((await stack.send('GET /healthz')).status).toBe(200);
      expect(stack.upstream.taken()).toHaveLength(1);
    } finally {
      await stack.relay.mend();
    }
    expect((await stack.send('GET /orders', [bearer(reader)])).status).toBe(200);
  });
});
