import { buildScopeCatalogue, DEFAULT_SCOPES } from '@latchkey/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ConsentQuestion, consentNeeded } from './policy.ts';

const catalogue = buildScopeCatalogue(DEFAULT_SCOPES);
const question: ConsentQuestion = {
  application: { consent: 'ask', isSelfRegistered: false },
  grant: { scopes: ['read', 'email'], redirects: ['http://localhost/cb'] },
  scopes: ['read:data', 'email'],
  unproved: null,
  isAskedFor: false,
};
const need = (changes: Partial<ConsentQuestion>) => consentNeeded(catalogue, { ...question, ...changes });

test('what was allowed is remembered; more of it, or nothing yet, is asked', () => {
  expect(need({})).toBe('remembered');
  expect(need({ grant: null })).toBe('ask');
  expect(need({ scopes: ['read', 'write'] })).toBe('ask');
  expect(need({ isAskedFor: true })).toBe('ask');
});

test('A16: a place to answer at that was not allowed before is asked about', () => {
  expect(need({ unproved: 'http://localhost/cb' })).toBe('remembered');
  expect(need({ unproved: 'http://localhost/other' })).toBe('ask');
  expect(need({ unproved: 'evil://cb' })).toBe('ask');
});

test('who is trusted is not asked about, unless the request wants it', () => {
  const application = { consent: 'skip', isSelfRegistered: false } as const;
  expect(need({ application })).toBe('remembered');
  expect(need({ application, grant: null })).toBe('implied');
  expect(need({ application, scopes: ['write'] })).toBe('implied');
  expect(need({ application, isAskedFor: true })).toBe('ask');
});

test('A15: nobody who registered themselves gets anything without being asked about', () => {
  const scopes = fc.subarray(catalogue.names());
  fc.assert(
    fc.property(scopes, fc.constantFrom('ask', 'skip'), fc.boolean(), (asked, consent, isAskedFor) => {
      const application = { consent, isSelfRegistered: true } as const;
      expect(need({ application, grant: null, scopes: asked, isAskedFor })).toBe('ask');
    }),
  );
});
