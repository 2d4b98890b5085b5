import { buildScopeCatalogue, DEFAULT_SCOPES } from '@latchkey/protocol';
import { expect, test } from 'vitest';
import { type Caller, mayKnow } from './caller.ts';

const catalogue = buildScopeCatalogue(DEFAULT_SCOPES);
const token = { clientId: 'app_a', workspaceId: 'ws_1', environment: 'live' } as const;
const key = { clientId: null, workspaceId: 'ws_1', environment: 'live' } as const;

const principal = (workspaceId: string | null, allWorkspaces = false, environment = 'live'): Caller => ({
  kind: 'principal',
  principal: { workspaceId, allWorkspaces, environment } as never,
});
const application = (id: string, workspaceId: string | null, scopes: string[] = [], more: object = {}): Caller => ({
  kind: 'application',
  application: { id, workspaceId, environment: 'live', scopes, type: 'web', authMethod: null, ...more } as never,
});

test.each<[string, Caller, boolean, boolean]>([
  ['the operator', principal(null, true), true, true],
  ['a credential that sees all workspaces', principal('ws_2', true), true, true],
  ['a credential of the workspace', principal('ws_1'), true, true],
  ['one of its other environment', principal('ws_1', false, 'test'), false, false],
  ['one that sees all workspaces, of the other environment', principal('ws_2', true, 'test'), true, true],
  ['a credential of another workspace', principal('ws_2'), false, false],
  ['a credential of no workspace', principal(null), false, false],
  ['the application that it was issued to', application('app_a', 'ws_9'), true, false],
  ['that application when it belongs to nobody', application('app_a', null), true, false],
  ['another application of the workspace', application('app_b', 'ws_1'), false, false],
  ['one that may introspect there', application('app_b', 'ws_1', ['tokens:introspect']), true, true],
  [
    'one that may introspect in the other environment',
    application('app_b', 'ws_1', ['tokens:introspect'], { environment: 'test' }),
    false,
    false,
  ],
  ['an administrating one there', application('app_b', 'ws_1', ['admin']), true, true],
  ['one that may introspect elsewhere', application('app_b', 'ws_2', ['tokens:introspect']), false, false],
  ['one that keeps no secret', application('app_b', 'ws_1', ['admin'], { authMethod: 'none' }), false, false],
])('%s may know of a token: %s, of a key: %s', (_, caller, ofToken, ofKey) => {
  expect(mayKnow(catalogue, caller, token)).toBe(ofToken);
  expect(mayKnow(catalogue, caller, key)).toBe(ofKey);
});

test('two that belong to no workspace know nothing of one another', () => {
  expect(mayKnow(catalogue, principal(null), { clientId: 'app_a', workspaceId: null, environment: null })).toBe(false);
  expect(
    mayKnow(catalogue, application('app_b', null, ['admin']), {
      clientId: 'app_a',
      workspaceId: null,
      environment: null,
    }),
  ).toBe(false);
});
