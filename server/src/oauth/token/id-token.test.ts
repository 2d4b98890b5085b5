import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { accessTokenHash, ID_TOKEN_TTL_SECONDS, type IdTokenRequest, mintIdToken } from './id-token.ts';

const signed: { typ: string; claims: object }[] = [];
const deps = {
  signingKeys: {
    signer: () => ({
      kid: 'k',
      algorithm: 'ES256' as const,
      sign: (typ: string, claims: object) => {
        signed.push({ typ, claims });
        return 'text';
      },
    }),
  },
  clock: { nowMs: () => 1_900_000_000_999 },
  issuer: () => 'https://id.example',
};
const request: IdTokenRequest = {
  algorithm: 'ES256' as const,
  clientId: 'app_1',
  claims: { sub: 'usr_1', email: 'a@example.com', email_verified: true },
  nonce: 'n-0S6_WzA2Mj',
  authTime: 1_899_999_000,
  amr: ['pwd', 'otp', 'mfa'],
  sessionId: 'ses_1',
  accessToken: 'jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y',
};

const claimsOf = (changes: Partial<IdTokenRequest> = {}) => {
  mintIdToken(deps, { ...request, ...changes });
  return signed.at(-1);
};

test('it says who signed in where, when and how, and to which access token it belongs', () => {
  expect(claimsOf()).toEqual({
    typ: 'JWT',
    claims: {
      iss: 'https://id.example',
      sub: 'usr_1',
      aud: 'app_1',
      azp: 'app_1',
      iat: 1_900_000_000,
      exp: 1_900_000_000 + ID_TOKEN_TTL_SECONDS,
      nonce: 'n-0S6_WzA2Mj',
      auth_time: 1_899_999_000,
      at_hash: '77QmUPtjPfzWtF2AnpK9RQ',
      acr: 'urn:latchkey:acr:2fa',
      amr: ['pwd', 'otp', 'mfa'],
      sid: 'ses_1',
      email: 'a@example.com',
      email_verified: true,
    },
  });
});

test('what there is not is left out', () => {
  const { claims = {} } = claimsOf({ nonce: null, authTime: null, amr: [], sessionId: null }) ?? {};
  for (const name of ['nonce', 'auth_time', 'acr', 'amr', 'sid']) expect(claims).not.toHaveProperty(name);
});

test('no claim of a person replaces one of the token', () => {
  expect(claimsOf({ claims: { ...request.claims, iss: 'x', aud: 'x', azp: 'x', at_hash: 'x' } })?.claims).toMatchObject(
    {
      iss: 'https://id.example',
      aud: 'app_1',
      azp: 'app_1',
    },
  );
});

// The access token of OpenID Connect Core, Appendix A.3, whose ID token there has this at_hash.
test('at_hash is the left half of the SHA-256, as OpenID Connect Core has it', () => {
  expect(accessTokenHash('jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y')).toBe('77QmUPtjPfzWtF2AnpK9RQ');
  const whole = createHash('sha256').update('abc').digest();
  expect(accessTokenHash('abc')).toBe(whole.subarray(0, 16).toString('base64url'));
});
