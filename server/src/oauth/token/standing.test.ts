import { buildScopeCatalogue, DEFAULT_SCOPES } from '@latchkey/protocol';
import { describe, expect, test } from 'vitest';
import { OAuthFailure } from '../../failure.ts';
import type { Role } from '../../http/index.ts';
import { requireStanding, scopesNow } from './standing.ts';

const catalogue = buildScopeCatalogue(DEFAULT_SCOPES);
const good = {
  isDisabled: false,
  hasSecondFactor: false,
  role: 'developer' as Role,
  isWorkspaceSuspended: false,
  requiresSecondFactor: false,
};

describe('a person may still give', () => {
  test('while all is in order', () => {
    expect(requireStanding(good)).toBe(good);
    const careful = { ...good, requiresSecondFactor: true, hasSecondFactor: true };
    expect(requireStanding(careful)).toBe(careful);
  });

  test.each([
    ['gone from the workspace', null],
    ['disabled', { ...good, isDisabled: true }],
    ['in a suspended workspace', { ...good, isWorkspaceSuspended: true }],
    ['without the second factor that the workspace asks for', { ...good, requiresSecondFactor: true }],
  ])('but not when %s', (_, standing) => {
    expect(() => requireStanding(standing)).toThrow(OAuthFailure);
  });
});

describe('what is left of scopes', () => {
  const now = (scopes: string[], changes: { role?: Role; allowed?: string[]; registered?: string[] } = {}) =>
    scopesNow(catalogue, scopes, {
      standing: { ...good, role: changes.role ?? 'developer' },
      consent: { scopes: changes.allowed ?? scopes } as never,
      application: { scopes: changes.registered ?? scopes } as never,
    });

  test('is all of them while nothing has shrunk', () => {
    expect(now(['openid', 'email', 'read', 'projects:write'])).toEqual(['openid', 'email', 'read', 'projects:write']);
  });

  test('shrinks with the role, and who the person is stays', () => {
    expect(now(['openid', 'read', 'write'], { role: 'viewer' })).toEqual(['openid', 'read']);
    expect(now(['audit:read'], { role: 'developer' })).toEqual([]);
    expect(now(['admin'], { role: 'viewer' })).not.toContain('admin');
    expect(now(['admin'], { role: 'owner' })).toEqual(['admin']);
  });

  test('shrinks with the consent and with the register of the application', () => {
    expect(now(['read', 'write'], { allowed: ['read'] })).toEqual(['read']);
    expect(now(['read', 'email'], { registered: ['email'] })).toEqual(['email']);
    expect(now(['read'], { allowed: ['projects:read', 'orders:read'] })).toEqual(['projects:read', 'orders:read']);
  });

  test('never grows', () => {
    expect(now(['projects:read'], { role: 'owner', allowed: ['admin'], registered: ['admin'] })).toEqual([
      'projects:read',
    ]);
  });
});
