import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { startServer, stopServers, type TestServer } from '../harness.ts';

afterEach(stopServers);

const assetsOf = (text: string) => [...text.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path = '']) => path);

async function follow(server: TestServer, path: string): Promise<string[]> {
  const { text } = await server.call(path, { key: null });
  return path.endsWith('.css') ? [...text.matchAll(/url\("\.\/([^"]+)"\)/g)].map(([, name]) => `/assets/${name}`) : [];
}

test('what pages link to is there, for a year, and asked for once', async () => {
  const server = await startServer();
  const linked = assetsOf((await server.call('/sign-in', { key: null })).text);
  expect(linked.map((path) => path.replace(/-[0-9a-f]{16}\./, '.'))).toEqual([
    '/assets/icon.svg',
    '/assets/tokens.css',
    '/assets/pages.css',
    '/assets/passkeys.js',
  ]);
  const deeper = (await Promise.all(linked.map((path) => follow(server, path)))).flat();
  expect(deeper).toHaveLength(3);
  for (const path of [...linked, ...deeper]) {
    const reply = await server.call(path, { key: null });
    expect([path, reply.status]).toEqual([path, 200]);
    expect(reply.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    const again = await server.call(path, { key: null, headers: { 'if-none-match': reply.headers.get('etag') ?? '' } });
    expect([again.status, again.text]).toEqual([304, '']);
  }
  expect((await server.call('/assets/tokens-0000000000000000.css', { key: null })).status).toBe(404);
});

test('the operator’s name, color and logo', async () => {
  const logo = join(mkdtempSync(join(tmpdir(), 'latchkey-logo-')), 'logo.svg');
  writeFileSync(logo, '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>');
  const env = { LATCHKEY_BRAND_NAME: 'Ada & Söhne', LATCHKEY_BRAND_COLOR: '#FFE600', LATCHKEY_BRAND_LOGO: logo };
  const server = await startServer({ env });
  const { text } = await server.call('/sign-in', { key: null });
  expect(text).toContain('<title>Sign in · Ada &amp; Söhne</title>');
  expect(text).toMatch(/<img class="brand-logo" src="\/assets\/logo-[0-9a-f]{16}\.svg" alt="Ada &amp; Söhne"/);
  const css = assetsOf(text).find((path) => path.includes('brand')) ?? '';
  expect((await server.call(css, { key: null })).text).toMatch(/^:root\{--accent:#[0-9a-f]{6};/);
  // An SVG that is opened by itself runs nothing.
  const picture = await server.call(assetsOf(text).find((path) => path.includes('logo')) ?? '', { key: null });
  expect(picture.headers.get('content-type')).toBe('image/svg+xml');
  expect(picture.headers.get('content-security-policy')).toContain("default-src 'none'");
});

test('a logo elsewhere is the one other origin that a page may load from', async () => {
  const server = await startServer({ env: { LATCHKEY_BRAND_LOGO: 'https://cdn.example.com/logo.png?a=1&b=2' } });
  const { headers, text } = await server.call('/sign-in', { key: null });
  expect(headers.get('content-security-policy')).toContain("img-src 'self' https://cdn.example.com;");
  expect(text).toContain('src="https://cdn.example.com/logo.png?a=1&amp;b=2"');
});
