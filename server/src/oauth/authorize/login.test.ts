import { expect, test } from 'vitest';
import { loginNeeded, type Present, type Waiting } from './login.ts';
import type { AuthorizationRequest } from './request.ts';

const NOW = 1_000_000_000;
const MINUTE = 60_000;
const ada: Present = { id: 'ses_1', userId: 'usr_ada', signedInAtMs: NOW - 10 * MINUTE };

function ask(
  changes: Partial<AuthorizationRequest>,
  present: Present | null = ada,
  waiting: Waiting | null = null,
): string {
  const request: AuthorizationRequest = {
    clientId: 'app_1',
    redirectUri: 'https://app.example/cb',
    namedRedirectUri: null,
    state: null,
    responseMode: 'query',
    scopes: ['read'],
    audience: 'https://id.example/v1',
    codeChallenge: null,
    nonce: null,
    prompts: [],
    maxAgeSeconds: null,
    hintedUserId: null,
    loginHint: null,
    ...changes,
  };
  const { need, ...rest } = loginNeeded(request, present, waiting, NOW);
  return 'again' in rest && rest.again ? `${need} again` : need;
}

const waiting: Waiting = { sessionId: 'ses_1', createdAtMs: NOW - 60_000, accountId: null };
const fresh: Present = { ...ada, id: 'ses_2', signedInAtMs: NOW - 1 };

test('nobody here signs in; somebody goes on', () => {
  expect(ask({}, null)).toBe('sign_in');
  expect(ask({})).toBe('nothing');
});

test('A18: an old sign-in is not enough for max_age and prompt login, however often the form is looked at', () => {
  expect(ask({ maxAgeSeconds: 600 })).toBe('nothing');
  expect(ask({ maxAgeSeconds: 599 })).toBe('sign_in again');
  for (const changes of [{ prompts: ['login' as const] }, { maxAgeSeconds: 0 }, { maxAgeSeconds: 60 }]) {
    expect(ask(changes)).toBe('sign_in again');
    expect(ask(changes, ada, waiting)).toBe('sign_in again');
    expect(ask(changes, fresh, waiting)).toBe('nothing');
    // Another session than at the beginning, or than none, that is no newer: it was put back.
    for (const sessionId of ['ses_9', null]) {
      expect(ask(changes, ada, { ...waiting, sessionId })).toBe('sign_in again');
    }
  }
  expect(ask({ prompts: ['login'] }, fresh)).toBe('sign_in again');
});

test('A18: who signed in for max_age and lets it pass on the next page signs in again; a minute there always is', () => {
  const began: Waiting = { ...waiting, createdAtMs: NOW - 20 * MINUTE };
  const since = (agoMs: number): Present => ({ ...fresh, signedInAtMs: NOW - agoMs });
  for (const maxAgeSeconds of [0, 1, 60]) {
    expect(ask({ maxAgeSeconds }, since(MINUTE), began)).toBe('nothing');
    expect(ask({ maxAgeSeconds }, since(MINUTE + 1), began)).toBe('sign_in again');
  }
  expect(ask({ maxAgeSeconds: 600 }, since(10 * MINUTE), began)).toBe('nothing');
  expect(ask({ maxAgeSeconds: 600 }, since(10 * MINUTE + 1), began)).toBe('sign_in again');
  expect(ask({ prompts: ['login'] }, since(10 * MINUTE), began)).toBe('nothing');
});

test('A19: whoever is here must be whom the hint names', () => {
  expect(ask({ hintedUserId: 'usr_ada' })).toBe('nothing');
  expect(ask({ hintedUserId: 'usr_bob' })).toBe('other');
  expect(ask({ hintedUserId: 'usr_bob' }, fresh, waiting)).toBe('other');
  expect(ask({ hintedUserId: 'usr_bob' }, null)).toBe('sign_in');
  expect(ask({ hintedUserId: 'usr_bob', prompts: ['login'] })).toBe('sign_in again');
});

test('a choice of account is asked for once, and only the account that was chosen counts', () => {
  expect(ask({ prompts: ['select_account'] })).toBe('select_account');
  expect(ask({ prompts: ['select_account'] }, ada, waiting)).toBe('select_account');
  expect(ask({ prompts: ['select_account'] }, ada, { ...waiting, accountId: 'usr_ada' })).toBe('nothing');
  expect(ask({ prompts: ['select_account'] }, ada, { ...waiting, accountId: 'usr_bob' })).toBe('select_account');
  expect(ask({ prompts: ['select_account'] }, fresh, waiting)).toBe('nothing');
});
