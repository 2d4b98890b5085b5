import { expect, test } from 'vitest';
import { claimsFor } from './claims.ts';

const identity = { userId: 'usr_1', email: 'a@example.com', isEmailVerified: false, name: 'Ada' };

test.each([
  [['openid'], { sub: 'usr_1' }],
  [['openid', 'profile'], { sub: 'usr_1', name: 'Ada' }],
  [['openid', 'email'], { sub: 'usr_1', email: 'a@example.com', email_verified: false }],
  [['openid', 'read', 'admin', 'offline_access'], { sub: 'usr_1' }],
])('%j opens no more than it says', (scopes, claims) => {
  expect(claimsFor(identity, new Set(scopes))).toEqual(claims);
});

test('what is not known is left out, not told as null', () => {
  expect(claimsFor({ ...identity, name: null }, new Set(['profile']))).toEqual({ sub: 'usr_1' });
});
