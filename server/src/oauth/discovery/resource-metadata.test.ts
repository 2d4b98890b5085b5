import { expect, test } from 'vitest';
import type { Resource } from '../../resources/index.ts';
import { challengeUrl, resourceAsked, resourceMetadataUrl } from './resource-metadata.ts';

const resource = (audience: string, isDefault = false): Resource => ({
  ...{ id: audience, name: audience, audience, isDefault },
  ...{ tokenFormat: 'jwt', signingAlg: 'ES256', accessTokenTtlSeconds: 900, acceptedAudiences: [] },
});

function depsOf(issuer: string, audiences: string[]) {
  const all = audiences.map((audience, index) => resource(audience, index === 0));
  const resources = {
    all: () => all,
    byAudience: (audience: string) => all.find((each) => each.audience === audience),
    default: () => all[0] as Resource,
    offering: () => all[0] as Resource,
  };
  return { issuer: () => issuer, resources, catalogue: {} as never };
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource';

test.each([
  ['https://id.example', 'https://id.example/v1', `https://id.example${WELL_KNOWN}/v1`],
  ['https://id.example', 'https://id.example', `https://id.example${WELL_KNOWN}`],
  ['https://id.example', 'https://id.example/', `https://id.example${WELL_KNOWN}`],
  ['https://id.example/auth', 'https://id.example/auth/v1', `https://id.example${WELL_KNOWN}/auth/v1`],
  [
    'https://id.example',
    'https://mcp.example/mcp?a=b',
    `https://id.example${WELL_KNOWN}?resource=https%3A%2F%2Fmcp.example%2Fmcp%3Fa%3Db`,
  ],
  [
    'https://id.example',
    'http://id.example/v1',
    `https://id.example${WELL_KNOWN}?resource=http%3A%2F%2Fid.example%2Fv1`,
  ],
  ['https://id.example', 'urn:example:api', null],
  ['https://id.example', 'billing', null],
  ['https://id.example', 'https://[', null],
])('with the issuer %s the metadata of %s stands at %s', (issuer, audience, url) => {
  expect(resourceMetadataUrl(issuer, { audience })).toBe(url);
});

test('every resource is found by the URL that names it', () => {
  const audiences = [
    'https://id.example/v1',
    'https://mcp.example/mcp',
    'https://other.example/mcp',
    'https://id.example/x',
  ];
  const deps = depsOf('https://id.example', audiences);
  for (const audience of audiences) {
    const url = new URL(resourceMetadataUrl('https://id.example', { audience }) ?? '');
    const asked = { suffix: url.pathname.slice(WELL_KNOWN.length), named: url.searchParams.get('resource') };
    expect(resourceAsked(deps, asked)?.audience).toBe(audience);
  }
});

test('a path alone means ours, then the only one elsewhere, and never one of several', () => {
  const deps = depsOf('https://id.example', [
    'https://id.example/v1',
    'https://a.example/v1',
    'https://a.example/only',
    'https://a.example/two',
    'https://b.example/two',
    'name',
  ]);
  const at = (suffix: string) => resourceAsked(deps, { suffix, named: null })?.audience;
  expect(at('/v1')).toBe('https://id.example/v1');
  expect(at('/only')).toBe('https://a.example/only');
  expect(at('/two')).toBeUndefined();
  expect(at('/v1/')).toBeUndefined();
  expect(at('')).toBe('https://id.example/v1');
});

test('a challenge names the resource of the route, or of the gate', () => {
  const deps = depsOf('https://id.example', ['https://id.example/v1', 'https://mcp.example', 'name']);
  expect(challengeUrl(deps, 'default')).toBe(`https://id.example${WELL_KNOWN}/v1`);
  expect(challengeUrl(deps, 'any')).toBe(`https://id.example${WELL_KNOWN}/v1`);
  expect(challengeUrl(deps, 'https://mcp.example')).toBe(
    `https://id.example${WELL_KNOWN}?resource=https%3A%2F%2Fmcp.example`,
  );
  expect(challengeUrl(deps, 'https://unknown.example')).toBeNull();
  expect(challengeUrl(deps, 'name')).toBeNull();
});
