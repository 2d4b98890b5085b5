import { buildScopeCatalogue, DEFAULT_SCOPES } from '@latchkey/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Failure } from '../failure.ts';
import type { Access, Principal } from '../http/index.ts';
import { refuseBeyondAccess, refuseDeadKey } from './decide.ts';

const catalogue = buildScopeCatalogue(DEFAULT_SCOPES);
const NAMES = catalogue.names();

function principalWith(grantedScopes: string[], kind: Principal['kind'] = 'api_key'): Principal {
  return {
    kind,
    method: 'api_key',
    credentialId: 'key',
    role: null,
    isOperator: false,
    workspaceId: 'ws',
    environment: 'test',
    userId: null,
    subject: 'key',
    subjectIssuer: null,
    clientId: null,
    audience: null,
    grantedScopes,
    scopes: catalogue.expand(grantedScopes),
    expiresAtMs: null,
    signIn: null,
    allWorkspaces: false,
  };
}

function codeOf(decide: () => void): string {
  try {
    decide();
    return 'allowed';
  } catch (error) {
    expect(error).toBeInstanceOf(Failure);
    return (error as Failure).code;
  }
}

const key = (revokedAtMs: number | null, expiresAtMs: number | null) =>
  ({ revokedAtMs, expiresAtMs }) as Parameters<typeof refuseDeadKey>[0];

describe('whether a key is alive', () => {
  test('ends exactly at its expiry', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.maxSafeInteger(), (expiresAtMs, nowMs) => {
        const expected = nowMs < expiresAtMs ? 'allowed' : 'token_expired';
        expect(codeOf(() => refuseDeadKey(key(null, expiresAtMs), nowMs))).toBe(expected);
      }),
      {
        examples: [
          [1000, 1000],
          [1000, 999],
          [1000, 1001],
        ],
      },
    );
  });

  test('a revocation is told first, and whatever the clock says', () => {
    for (const nowMs of [0, 999, 1000, 1001, Number.MAX_SAFE_INTEGER]) {
      expect(codeOf(() => refuseDeadKey(key(1000, 500), nowMs))).toBe('token_revoked');
      expect(codeOf(() => refuseDeadKey(key(1000, null), nowMs))).toBe('token_revoked');
      expect(codeOf(() => refuseDeadKey(key(null, null), nowMs))).toBe('allowed');
    }
  });
});

describe('whether a principal may call a route', () => {
  const scopes = fc.subarray(NAMES, { maxLength: 6 });

  test('is whether its scopes imply the one that the route names', () => {
    fc.assert(
      fc.property(scopes, fc.constantFrom(...NAMES), fc.constantFrom('allowed', 'refused'), (held, scope, root) => {
        const expected = catalogue.expand(held).has(scope) ? 'allowed' : 'insufficient_scope';
        expect(codeOf(() => refuseBeyondAccess(principalWith(held), { scope, root }))).toBe(expected);
      }),
    );
  });

  test('names the scope that is missing and those that are held', () => {
    const refuse = () => refuseBeyondAccess(principalWith(['read', 'email']), { scope: 'admin', root: 'allowed' });
    expect(refuse).toThrow('This call needs the scope admin; the credential holds read, email.');
    expect(refuse).toThrow(
      expect.objectContaining({ details: { scopes: { wanted: ['admin'], held: ['read', 'email'] } } }),
    );
  });

  test('does not list scopes without end', () => {
    const many = principalWith(Array.from({ length: 1000 }, (_, index) => `scope-${index}`));
    try {
      refuseBeyondAccess(many, { scope: 'admin', root: 'allowed' });
      expect.unreachable();
    } catch (error) {
      expect((error as Failure).message.length).toBeLessThan(400);
    }
  });

  const decisionOf = (kind: Principal['kind'], access: Exclude<Access, 'public'>) =>
    codeOf(() => refuseBeyondAccess(principalWith(['admin'], kind), access));

  test('root goes by the word of the route and needs no scope', () => {
    expect(decisionOf('root', { scope: 'api_keys:write', root: 'allowed' })).toBe('allowed');
    expect(decisionOf('root', { scope: null, root: 'only' })).toBe('allowed');
    expect(decisionOf('root', { scope: null, root: 'refused' })).toBe('forbidden');
    expect(decisionOf('root', { scope: 'projects:read', root: 'refused' })).toBe('forbidden');
  });

  test('no scope makes a key root', () => {
    expect(decisionOf('api_key', { scope: null, root: 'only' })).toBe('forbidden');
    expect(decisionOf('api_key', { scope: 'projects:read', root: 'only' })).toBe('forbidden');
    expect(decisionOf('api_key', { scope: null, root: 'only', loopback: true })).toBe('forbidden');
  });
});
