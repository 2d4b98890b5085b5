import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createPathTable, errorFormatOf, mountedPath } from './paths.ts';

/** Any UTF-16 code unit: control characters and halves of surrogate pairs too. */
const anyChar = fc.nat({ max: 0xffff }).map((code) => String.fromCharCode(code));

describe('the shape of errors', () => {
  test.each([
    ['/v1/projects', undefined, 'v1'],
    ['/v1', undefined, 'v1'],
    ['/v1/%zz', undefined, 'v1'],
    ['/%76%31/projects', undefined, 'v1'],
    ['/%76%31/%zz', undefined, 'v2'],
    ['/v1/projects?x=/v2/', '2.0', 'v1'],
    ['/v2/projects', '1.0', 'v2'],
    ['/v2', undefined, 'v2'],
    ['/v10/projects', undefined, 'v2'],
    ['/api-keys', undefined, 'v2'],
    ['/api-keys', '1.0', 'v1'],
    ['/api-keys', '2.0', 'v2'],
    ['/api-keys', '3.0', 'v2'],
    ['/api-keys', ['1.0'], 'v2'],
    ['/', undefined, 'v2'],
    ['', undefined, 'v2'],
    ['/oauth/token', '1.0', 'oauth'],
    ['/oauth/token?x=1', undefined, 'oauth'],
    ['/authorize?x=1', undefined, 'oauth'],
    ['/token', undefined, 'oauth'],
    ['/tokens', undefined, 'v2'],
    ['/oauth/applications', undefined, 'v2'],
    ['/oauth/applications/app_1', '1.0', 'v1'],
    ['http://example.com/v1/projects', undefined, 'v1'],
    ['HTTPS://example.com/oauth/token', undefined, 'oauth'],
    ['http://example.com?/v1/', undefined, 'v2'],
  ])('%s with X-API-Version %s is %s', (url, version, format) => {
    expect(errorFormatOf(url, version)).toBe(format);
  });

  test('is known for every URL', () => {
    fc.assert(
      fc.property(fc.string({ unit: anyChar }), fc.oneof(fc.string(), fc.constant(undefined)), (url, version) => {
        expect(['v1', 'v2', 'oauth']).toContain(errorFormatOf(url, version));
      }),
    );
  });
});

describe('the table of paths', () => {
  const table = createPathTable();
  table.add('/v1/projects', 'GET', false);
  table.add('/v1/projects', 'POST', false);
  table.add('/v1/projects/:id', 'DELETE', false);
  table.add('/open', 'GET', true);

  test('knows the methods of a path, HEAD with GET, OPTIONS always', () => {
    expect(table.find('/v1/projects')).toEqual({ methods: ['GET', 'HEAD', 'OPTIONS', 'POST'], isPublic: false });
    expect(table.find('/v1/projects/x')).toEqual({ methods: ['DELETE', 'OPTIONS'], isPublic: false });
    expect(table.find('/open?x=1')).toEqual({ methods: ['GET', 'HEAD', 'OPTIONS'], isPublic: true });
    expect(table.find('http://example.com/open')).toEqual(table.find('/open'));
  });

  test.each(['', '/', '/v1', '/v1/projects/x/y', '//open', '/OPEN', '/open/', '/v1/%zz', '*', 'open'])(
    '%j is none of them',
    (url) => {
      expect(table.find(url)).toBeNull();
    },
  );

  test('never throws', () => {
    fc.assert(
      fc.property(fc.oneof(fc.webPath(), fc.string({ unit: anyChar })), (url) => {
        expect([null, 'object']).toContain(table.find(url) === null ? null : typeof table.find(url));
      }),
    );
  });
});

test('a route stands where it is mounted', () => {
  expect([mountedPath('v1', '/x'), mountedPath('v2', '/x'), mountedPath('bare', '/x')]).toEqual([
    '/v1/x',
    '/v2/x',
    '/x',
  ]);
});
