import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ApplicationType } from './application.ts';
import { matchRedirectUri, redirectUriProblem } from './redirect-uri.ts';

const TYPES: ApplicationType[] = ['web', 'public', 'native', 'service'];
const fits = (uri: string, type: ApplicationType, environment: 'test' | 'live' = 'live') =>
  redirectUriProblem(uri, type, environment) === null;

describe('at registration', () => {
  test.each([
    'https://app.example/cb',
    'https://app.example',
    'https://app.example/?a=b',
    'https://app.example:8443/cb?x=%2F',
  ])('%s is good for every type', (uri) => {
    expect(TYPES.filter((type) => !fits(uri, type))).toEqual([]);
  });

  test.each(['http://127.0.0.1/cb', 'http://[::1]:3000/cb', 'http://localhost:3118/callback', 'http://localhost'])(
    '%s is good for public and native, and for web while it is a test',
    (uri) => {
      expect(TYPES.filter((type) => fits(uri, type))).toEqual(['public', 'native']);
      expect(fits(uri, 'web', 'test')).toBe(true);
    },
  );

  test.each([
    'cursor://anysphere.cursor-retrieval/oauth/cb',
    'com.example.app:/cb',
    'com.example.app:cb',
    'vscode://a.b/c',
  ])('%s is good for public and native alone', (uri) => {
    expect(TYPES.filter((type) => fits(uri, type, 'test'))).toEqual(['public', 'native']);
  });

  test.each([
    'ms-msdt:/id',
    'ms-appx://x/',
    'search-ms:query=x',
    'shell:startup',
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    'java\tscript:alert(1)',
    ' javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'vbscript:x',
    'blob:https://app.example/1',
    'about:blank',
    'view-source:https://app.example',
    'intent://x#Intent;scheme=https;end',
    'urn:ietf:wg:oauth:2.0:oob',
    'mailto:a@app.example',
    'ws://app.example/cb',
    'ftp://app.example/cb',
    'http://app.example/cb',
    'http://127.0.0.2/cb',
    'http://localhost.evil.example/cb',
    'http://127.0.0.1@evil.example/cb',
    'https://user:pw@app.example/cb',
    'https://user@app.example/cb',
    'https://*.app.example/cb',
    'https://app.example/*',
    'https://app.example/cb#frag',
    'https://app.example/cb#',
    'https://app.example\\@evil.example/cb',
    'https://app.example/a/../cb',
    'https://app.example/a/%2e%2e/cb',
    'https://app.example/./cb',
    'https://APP.example/cb',
    'HTTPS://app.example/cb',
    'https://app.example:443/cb',
    'https:app.example/cb',
    'https:///app.example/cb',
    'https://app.example/c b',
    'https://app.example/c\u0000b',
    'https://äpp.example/cb',
    'http://0x7f.1/cb',
    'http://[0:0:0:0:0:0:0:1]/cb',
    '/cb',
    '//app.example/cb',
    'app.example/cb',
    'https://',
    '',
    `https://app.example/${'x'.repeat(2000)}`,
  ])('%j is good for none', (uri) => {
    expect(TYPES.filter((type) => fits(uri, type, 'test'))).toEqual([]);
  });

  test('another spelling is told the right one', () => {
    const problem = redirectUriProblem('https://APP.example:443/a/../cb', 'web', 'live');
    expect(problem).toBe('must be written as https://app.example/cb');
  });

  test('whatever is let in is what a browser would open, character for character', () => {
    const texts = fc.oneof(
      fc.webUrl({ withQueryParameters: true, withFragments: true }),
      fc.string(),
      fc.string({ unit: 'binary' }),
    );
    fc.assert(
      fc.property(texts, fc.constantFrom(...TYPES), (uri, type) => {
        if (!fits(uri, type)) return;
        const { href, protocol, hash, username } = new URL(uri);
        expect([uri, `${uri}/`, uri.replace('?', '/?')]).toContain(href);
        expect([hash, username]).toEqual(['', '']);
        if (type === 'web' || type === 'service') expect(protocol).toBe('https:');
      }),
      { numRuns: 2000 },
    );
  });
});

const REGISTERED = [
  'https://app.example/cb',
  'http://127.0.0.1/cb',
  'http://[::1]:80/cb',
  'http://localhost:3000/cb?x=1',
];

describe('at the authorization endpoint', () => {
  test('the same text matches, for every type', () => {
    for (const uri of REGISTERED) expect(TYPES.filter((type) => !matchRedirectUri(uri, uri, type))).toEqual([]);
  });

  test.each([
    ['http://127.0.0.1/cb', 'http://127.0.0.1:3118/cb'],
    ['http://127.0.0.1:4000/cb', 'http://127.0.0.1/cb'],
    ['http://[::1]/cb?a=b', 'http://[::1]:65535/cb?a=b'],
    ['http://localhost', 'http://localhost:1'],
  ])('%s is met by %s, of public and native', (registered, presented) => {
    expect(TYPES.filter((type) => matchRedirectUri(registered, presented, type))).toEqual(['public', 'native']);
  });

  test.each([
    ['http://127.0.0.1/cb', 'http://localhost/cb'],
    ['http://127.0.0.1/cb', 'http://[::1]/cb'],
    ['http://localhost/cb', 'http://127.0.0.1:3000/cb'],
    ['http://127.0.0.1/cb', 'https://127.0.0.1/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:3000/cb/'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:3000/CB'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:3000/cb?x=1'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:3000/cb#x'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:3000/x/../cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:65536/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:0/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:03000/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:3000@evil.example/cb'],
    ['http://127.0.0.1/cb', 'http://127.0.0.1:3000.evil.example/cb'],
    ['http://127.0.0.1/cb', 'http://user@127.0.0.1:3000/cb'],
    ['http://127.0.0.1/cb', 'http://127.1:3000/cb'],
    ['http://127.0.0.1/cb', 'HTTP://127.0.0.1:3000/cb'],
    ['https://app.example/cb', 'https://app.example:8443/cb'],
    ['https://app.example/cb', 'https://app.example/cb/../x'],
    ['https://app.example/cb', 'https://app.example/cb%2f..%2fx'],
    ['https://app.example/cb', 'https://app.example/cb%252f..'],
    ['https://app.example/cb', 'https://app.example/cb/..;/x'],
    ['https://app.example/cb', 'https://app.example/cb?x=1'],
    ['https://app.example/cb', 'https://app.example/CB'],
    ['https://app.example/cb', 'https://app.evil.example/cb'],
    ['https://app.example/cb', 'https://appxexample/cb'],
    ['com.example.app:/cb', 'com.example.app:/cb/'],
  ])('%s is not met by %s (A2, A4)', (registered, presented) => {
    expect(TYPES.filter((type) => matchRedirectUri(registered, presented, type))).toEqual([]);
  });

  test('nothing but the port of this machine may ever differ', () => {
    const registered = fc.constantFrom(...REGISTERED, 'com.example.app:/cb');
    const presented = fc.oneof(
      fc.webUrl({ withQueryParameters: true }),
      fc.string(),
      registered.map((uri) => `${uri}x`),
    );
    fc.assert(
      fc.property(registered, presented, fc.constantFrom(...TYPES), (ours, theirs, type) => {
        const withoutPort = (uri: string) => uri.replace(/^(http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost)):\d+/, '$1');
        if (matchRedirectUri(ours, theirs, type)) expect(withoutPort(theirs)).toBe(withoutPort(ours));
      }),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 65_535 }), (port) => {
        expect(matchRedirectUri('http://localhost/callback', `http://localhost:${port}/callback`, 'native')).toBe(true);
      }),
    );
  });
});
