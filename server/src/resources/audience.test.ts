import { expect, test } from 'vitest';
import { audienceProblem, isRequestable } from './audience.ts';

const ISSUER = 'https://auth.example/base';

test.each([
  'https://api.example',
  'https://api.example/v1?x=1',
  'urn:example:billing',
  'billing',
  'https://auth.example/base/v1',
  'https://auth.example/base/oauthx',
  'https://auth.example/other',
  'https://auth.example/baseoauth/token',
])('%s is an audience', (audience) => {
  expect(audienceProblem(audience, ISSUER)).toBeNull();
});

test.each([
  ISSUER,
  `${ISSUER}/`,
  'HTTPS://AUTH.example:443/base',
  `${ISSUER}/oauth/token`,
  `${ISSUER}/oauth/token?x=1`,
  `${ISSUER}/x/../oauth/token`,
  `${ISSUER}/token`,
  `${ISSUER}/authorize`,
  `${ISSUER}/.well-known/jwks.json`,
  `app_${'a'.repeat(24)}`,
  `usr_${'0'.repeat(24)}`,
  'https://api.example/#a',
  'https://',
  'two words',
  'tab\t',
  'ümlaut',
  '',
  `https://api.example/${'x'.repeat(300)}`,
])('%s is none', (audience) => {
  expect(audienceProblem(audience, ISSUER)).not.toBeNull();
});

test('only an absolute URI without fragment can be asked for (RFC 8707 §2)', () => {
  expect(['https://api.example', 'urn:example:a'].map(isRequestable)).toEqual([true, true]);
  expect(['billing', '/v1', 'https://api.example#a', '//api.example'].map(isRequestable)).toEqual([
    false,
    false,
    false,
    false,
  ]);
});
