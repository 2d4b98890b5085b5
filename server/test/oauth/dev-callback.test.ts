import { afterEach, expect, test } from 'vitest';
import { startServer, stopServers } from '../harness.ts';
import { sendRaw } from '../http/raw.ts';

afterEach(stopServers);

const CODE = 'a-code_of-43-letters-0123456789ABCDEFGHIJKL';

test('shows what came back, and the call that redeems the code', async () => {
  const server = await startServer();
  const { issuer } = server;
  const path = `/dev/callback?code=${CODE}&state=a%26b&iss=${encodeURIComponent(issuer)}&session_state=x`;
  const { status, json } = await server.call(path, { key: null });
  const redeem = `curl -u "$CLIENT_ID:$CLIENT_SECRET" -d grant_type=authorization_code -d code=${CODE} -d redirect_uri=${issuer}/dev/callback ${issuer}/oauth/token`;
  expect([status, json]).toEqual([
    200,
    { code: CODE, state: 'a&b', iss: issuer, error: null, error_description: null, redeem },
  ]);
  const page = await server.call(path, { key: null, headers: { accept: 'text/html' } });
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(page.text).toContain(redeem.replaceAll('"', '&quot;'));
  expect(page.text).toContain('a&amp;b');
});

test('an error is shown as such; what came is text, and no shell gets what is no code', async () => {
  const server = await startServer();
  const refused = '/dev/callback?error=access_denied&error_description=%3Cscript%3Ealert(1)%3C/script%3E';
  const page = await server.call(refused, { key: null, headers: { accept: 'text/html' } });
  expect(page.text).toContain('access_denied');
  expect(page.text).not.toContain('<script>alert');
  for (const code of ['$(id)', "a'b", 'a b', '`x`', 'a;b']) {
    const { json } = await server.call(`/dev/callback?code=${encodeURIComponent(code)}`, { key: null });
    expect(json).toMatchObject({ code, redeem: null });
  }
});

test('answers this machine alone, under its own name, and never in production', async () => {
  const server = await startServer();
  const ask = async (host: string) => {
    const [reply] = await sendRaw(
      server,
      `GET /dev/callback?code=x HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`,
    );
    return reply?.status;
  };
  expect([await ask('localhost'), await ask('evil.example')]).toEqual([200, 403]);
  const forwarded = { 'x-forwarded-for': '203.0.113.9' };
  expect((await server.call('/dev/callback?code=x', { key: null, headers: forwarded })).status).toBe(401);
});

test('the demo application of a first start is sent back there', async () => {
  const server = await startServer();
  const { clientId = '', clientSecret } = server.firstStart?.application ?? {};
  expect(clientSecret).toMatch(/^lk_cs_/);
  const { json } = await server.call(`/v1/applications/${clientId}`, { key: server.rootKey });
  expect(json).toMatchObject({
    name: 'Demo application',
    type: 'web',
    environment: 'test',
    redirect_uris: [`${server.issuer}/dev/callback`],
    scopes: ['openid', 'profile', 'email', 'offline_access', 'read', 'write'],
    created_by: 'system',
  });
});
