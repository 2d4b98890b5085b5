import { afterAll, describe, expect, test } from 'vitest';
import { freshPostgres, manualClock, stopServers } from '../harness.ts';
import { loggedIn } from '../login/logins.ts';
import { newPerson } from '../people/browser.ts';
import { startPostgresProxy } from '../storage/postgres-proxy.ts';
import { PROXIES } from './proxies.ts';
import { bearer, type Stack, type StackOptions, startStack } from './stack.ts';

const stacks: Stack[] = [];
const cleanups: (() => Promise<void>)[] = [];
afterAll(async () => {
  for (const stack of stacks) await stack.stop();
  await stopServers();
  for (const cleanup of cleanups) await cleanup();
});

async function start(name: (typeof PROXIES)[number], options: StackOptions = {}): Promise<Stack> {
  const stack = await startStack(name, options);
  stacks.push(stack);
  return stack;
}

describe.each(PROXIES)('%s', (name) => {
  test('tells what Latchkey says when its database is lost, and lets nobody pass', async () => {
    const database = await startPostgresProxy(await freshPostgres());
    cleanups.push(database.close);
    const env = { LATCHKEY_DATABASE_URL: database.url };
    const stack = await start(name, { server: { database: 'postgres', env } });
    const cold = await stack.key(['orders:read']);
    database.cut();
    const reply = await stack.send('GET /orders', [bearer(cold)]);
    expect([reply.status, reply.json.error, reply.json.code]).toEqual([503, 'unavailable', 503]);
    // Its own body, not one that the proxy made up.
    expect(reply.json.request_id).toBe(reply.headers.get('x-request-id'));
    expect(Number(reply.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(stack.upstream.taken()).toEqual([]);
  });

  test('tells that the headers are too large for Latchkey', async () => {
    const stack = await start(name);
    const key = await stack.key(['orders:read']);
    const large = Array.from({ length: 3 }, (_, index) => `X-Large-${index}: ${'x'.repeat(7000)}`);
    const many = Array.from({ length: 120 }, (_, index) => `X-Many-${index}: x`);
    for (const headers of [large, many]) {
      const reply = await stack.send('GET /orders', [bearer(key), ...headers]);
      expect(reply.status).toBe(413);
      expect(JSON.stringify(reply.json)).toMatch(/payload_too_large|PAYLOAD_TOO_LARGE/);
      expect(stack.upstream.taken()).toEqual([]);
    }
  });

  test('lets nobody pass where the configuration forgot or misspelt what to ask', async () => {
    for (const [wrong, edit] of [
      ['no environment', (text: string) => text.replace(/^.*latchkey_environment live.*$/m, '')],
      ['a typo', (text: string) => text.replace('latchkey_environment live', 'latchkey_environment Live')],
    ] as const) {
      const stack = await start(name, { edit });
      const key = await stack.key(['admin']);
      const reply = await stack.send('GET /', [bearer(key)]);
      expect([wrong, reply.status, reply.json.error]).toEqual([wrong, 403, 'forbidden']);
      expect(reply.json.message).toContain('environment');
      expect(stack.upstream.taken()).toEqual([]);
    }
  });

  test('refuses a path that programs read differently, and says how to write it', async () => {
    const stack = await start(name);
    const reply = await stack.send('GET /orders/..;/admin');
    expect([reply.status, reply.json.error, reply.json.code]).toEqual([400, 'invalid_request', 400]);
    expect(reply.headers.get('content-type')).toMatch(/^application\/json/);
  });

  test('tells callers of version 2 and of problem details in JSON all the same', async () => {
    const stack = await start(name);
    const reply = await stack.send('GET /orders', ['Accept: application/problem+json']);
    expect([reply.status, reply.json.status ?? reply.json.code]).toEqual([401, 401]);
    expect(reply.headers.get('content-type')).toMatch(
      name === 'nginx' ? /^application\/json/ : /^application\/problem/,
    );
  });
});

test('nginx asks for a recent sign-in where a location says so, and tells the challenge once', async () => {
  const clock = manualClock();
  const edit = (text: string) =>
    text
      .replaceAll('latchkey_environment live;', 'latchkey_environment any;')
      .replace('set $latchkey_scope admin;', 'set $latchkey_scope admin;\n    set $latchkey_max_age 300;')
      .replace(
        '$latchkey_scope "";',
        '$latchkey_scope "";\n    set $latchkey_acr_values urn:latchkey:acr:2fa,urn:latchkey:acr:1fa;',
      );
  const stack = await start('nginx', { edit, server: { clock } });
  const { token } = await loggedIn(stack.latchkey, await newPerson(stack.latchkey, { role: 'admin' }));
  const call = (line: string, key = token) => stack.send(line, [bearer({ key })]);
  const places = ['GET /', 'GET /sandbox', 'GET /orders'];
  for (const line of places) expect((await call(line)).status, line).toBe(200);
  clock.advance(600_000);
  const old = await call('GET /');
  expect([old.status, old.json.error, old.json.max_age]).toEqual([401, 'insufficient_user_authentication', 300]);
  expect(old.headers.get('www-authenticate')).toMatch(
    /^Bearer error="insufficient_user_authentication", error_description="[^"]+", max_age="300", resource_metadata="[^"]+"$/,
  );
  // What one location asks, no other does.
  for (const line of ['GET /sandbox', 'GET /orders']) expect((await call(line)).status, line).toBe(200);
  const key = await stack.key(['admin'], { environment: 'test' });
  const seen = await Promise.all(places.map(async (line) => (await call(line, key.key)).status));
  expect(seen).toEqual([401, 401, 200]);
  const { headers } = await call('GET /sandbox', key.key);
  expect(headers.get('www-authenticate')).toContain('acr_values="urn:latchkey:acr:2fa urn:latchkey:acr:1fa"');
  expect(stack.upstream.taken()).toHaveLength(6);
});

test('nginx with several Latchkeys tells what the one said that answered', async () => {
  const edit = (text: string) =>
    text.replace('server 127.0.0.1:4000;', 'server 127.0.0.1:1 max_fails=0;\n  server 127.0.0.1:4000;');
  const stack = await start('nginx', { edit });
  const key = await stack.key(['orders:read']);
  // In turn each is tried first, so every other answer comes after a failure.
  for (let count = 0; count < 4; count += 1) {
    expect((await stack.send('GET /orders', [bearer(key)])).status).toBe(200);
    const refused = await stack.send('POST /orders', [bearer(key)]);
    expect([refused.status, refused.json?.error]).toEqual([403, 'insufficient_scope']);
    expect(refused.headers.get('www-authenticate')).toMatch(/^Bearer error="insufficient_scope"/);
    expect((await stack.send('GET /orders')).headers.get('www-authenticate')).toMatch(/^Bearer resource_metadata=/);
    expect((await stack.send('GET /orders', ['X-API-Key: x'])).json.error).toBe('invalid_token');
  }
  expect(stack.upstream.taken()).toHaveLength(4);
});

describe('nginx with a cache for all of its places', () => {
  const cached = (folder: string) => `proxy_cache_path ${folder}/cache keys_zone=all:1m; proxy_cache all;
    proxy_cache_valid any 10m; proxy_ignore_headers Cache-Control Expires Vary Set-Cookie; proxy_cache_methods GET HEAD POST;`;

  test('keeps no answer of the gate, and no answer for one caller for another (I15)', async () => {
    const stack = await start('nginx', { http: cached });
    const [ada, bob] = [await stack.key(['orders:read']), await stack.key(['orders:read'])];
    const get = (key: { key: string } | null) => stack.send('GET /orders/7', key ? [bearer(key)] : []);
    for (const key of [ada, bob, ada]) expect((await get(key)).text).toBe(`for ${key.id}`);
    expect(await get(null)).toMatchObject({ status: 401 });
    const revoke = { key: stack.latchkey.rootKey, json: { workspace_id: stack.latchkey.workspaceId } };
    await stack.latchkey.call(`/v1/api-keys/${ada.id}/revoke`, revoke);
    expect((await get(ada)).json.error).toBe('token_revoked');
    expect((await get(bob)).text).toBe(`for ${bob.id}`);
    expect(stack.upstream.taken()).toHaveLength(4);
    // The cache is there: what is open to all comes from it.
    for (let count = 0; count < 3; count += 1) expect((await stack.send('GET /healthz')).status).toBe(200);
    expect(stack.upstream.taken()).toHaveLength(1);
  });

  test('and underscores let through in general, still reads none in a name', async () => {
    const stack = await start('nginx', { http: () => 'underscores_in_headers on; ignore_invalid_headers off;' });
    const key = await stack.key(['orders:read']);
    await stack.send('GET /orders', [bearer(key), 'X_Latchkey_User_Id: forged', 'X-Latchkey_User-Id: forged']);
    const [received] = stack.upstream.taken();
    expect(JSON.stringify(received)).not.toContain('forged');
  });

  test('tells what `deny` refuses as 503, and lets other names of our kind pass, as the guide says', async () => {
    const edit = (text: string) => text.replace('set $latchkey_scope admin;', 'set $latchkey_scope admin; deny all;');
    const stack = await start('nginx', { edit });
    const key = await stack.key(['orders:read', 'admin']);
    expect((await stack.send('GET /', [bearer(key)])).status).toBe(503);
    expect(stack.upstream.taken()).toEqual([]);
    expect((await stack.send('GET /orders', [bearer(key), 'X-Latchkey-Other: x'])).status).toBe(200);
    expect(stack.upstream.taken()[0]?.rawHeaders).toContain('X-Latchkey-Other');
  });
});
