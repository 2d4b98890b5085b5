import { buildScopeCatalogue, DEFAULT_SCOPES } from '@latchkey/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { narrowScopes } from './scope.ts';

const catalogue = buildScopeCatalogue(DEFAULT_SCOPES);
const scopes = fc.subarray(catalogue.names());

test('what is allowed stays as it was written; what is too wide becomes what is allowed of it', () => {
  expect(narrowScopes(catalogue, ['read:data', 'projects:write'], ['read', 'write'])).toEqual([
    'read:data',
    'projects:write',
  ]);
  expect(narrowScopes(catalogue, ['admin'], ['read', 'api_keys:read'])).toEqual(['read', 'api_keys:read']);
  expect(narrowScopes(catalogue, ['read', 'write'], ['read:data'])).toEqual(['read:data']);
  expect(narrowScopes(catalogue, ['write'], ['read'])).toEqual([]);
  expect(narrowScopes(catalogue, ['nope', 'read', 'read'], ['read', 'nope'])).toEqual(['read']);
});

test('never more than is asked, never more than is allowed, and all that is both', () => {
  fc.assert(
    fc.property(scopes, scopes, (asked, allowed) => {
      const given = narrowScopes(catalogue, asked, allowed);
      expect(catalogue.beyond(given, catalogue.expand(asked))).toEqual([]);
      expect(catalogue.beyond(given, catalogue.expand(allowed))).toEqual([]);
      const both = asked.filter((scope) => allowed.includes(scope));
      expect(catalogue.beyond(both, catalogue.expand(given))).toEqual([]);
    }),
  );
});
