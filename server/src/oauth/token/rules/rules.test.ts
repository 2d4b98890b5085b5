import { buildScopeCatalogue, DEFAULT_SCOPES } from '@latchkey/protocol';
import { describe, expect, test } from 'vitest';
import { OAuthFailure } from '../../../failure.ts';
import type { Resource } from '../../../resources/index.ts';
import { GRANTS } from '../grants/index.ts';
import { grantedResource } from './granted-resource.ts';
import { grantedScopes, scopesOfNobody } from './granted-scopes.ts';
import { offeredGrant } from './offered-grant.ts';
import { registeredGrant } from './registered-grant.ts';
import { wantedScopes } from './wanted-scopes.ts';

const resource = (id: string, audience: string, isDefault = false): Resource => ({
  ...{ id, name: id, audience, isDefault },
  ...{ tokenFormat: 'jwt', signingAlg: 'ES256', accessTokenTtlSeconds: 900, acceptedAudiences: [] },
});
const usual = resource('res_1', 'https://id.example/v1', true);
const tools = resource('res_2', 'https://mcp.example');
const tool = { name: 'tools:call', description: 'Call.', implies: [], sensitive: false, kind: 'product' } as const;
const deps = {
  catalogue: buildScopeCatalogue([...DEFAULT_SCOPES, tool]),
  resources: {
    byAudience: (audience: string) => [usual, tools].find((each) => each.audience === audience),
    default: () => usual,
    offering: (scope: string) => (scope === 'tools:call' ? tools : usual),
  },
} as never;

const callWith = (params: Record<string, string>) =>
  ({ deps, call: { params: new Map(Object.entries(params)) } }) as never;

/** The OAuth error that something throws, or what it returns. */
function outcomeOf<T>(run: () => T): T | string {
  try {
    return run();
  } catch (error) {
    if (error instanceof OAuthFailure) return error.error;
    throw error;
  }
}

describe('grant_type (RFC 6749 §5.2)', () => {
  const offered = (params: Record<string, string>) => outcomeOf(() => offeredGrant(GRANTS)(callWith(params)));

  test('is one that is offered, by its exact name', () => {
    for (const grant of GRANTS) expect(offered({ grant_type: grant.type })).toEqual({ grant });
    expect(offered({})).toBe('invalid_request');
  });

  test.each(['password', 'implicit', 'token', 'Authorization_Code', 'authorization_code ', '__proto__', 'constructor'])(
    '%s is unsupported_grant_type',
    (grant_type) => expect(offered({ grant_type })).toBe('unsupported_grant_type'),
  );

  test('is one that the client is registered for; the house itself has its logins alone', () => {
    const [grant] = GRANTS;
    if (!grant) throw new Error('there are no grants');
    const client = (grantTypes: string[] | null) => ({ application: grantTypes && { grantTypes } }) as never;
    expect(outcomeOf(() => registeredGrant({ client: client([grant.type]), grant }))).toEqual({ grant });
    expect(outcomeOf(() => registeredGrant({ client: client([]), grant }))).toBe('unauthorized_client');
    const ofHouse = outcomeOf(() => registeredGrant({ client: client(null), grant }));
    expect(ofHouse).toMatchObject({ grant: { type: 'refresh_token', isStored: false } });
  });
});

describe('scope (RFC 6749 §3.3)', () => {
  const wanted = (scope: string) => outcomeOf(() => wantedScopes(callWith({ scope })));

  test('is a list with single spaces, each once', () => {
    expect(wanted('read projects:write read')).toEqual({ wantedScopes: ['read', 'projects:write'] });
    expect(outcomeOf(() => wantedScopes(callWith({})))).toEqual({ wantedScopes: null });
  });

  test.each([
    'nope',
    'read nope',
    'read  write',
    ' read',
    'read ',
    'read\twrite',
    'read\n',
    're"ad',
    'read\\',
    'réad',
    '\u0001',
    'READ',
    'a'.repeat(10_240),
    'read '.repeat(2000).trim(),
  ])('number %# of what is none is invalid_scope', (scope) => expect(wanted(scope)).toBe('invalid_scope'));

  const granted = (wantedScopeList: string[] | null, held: string[]) =>
    outcomeOf(() => grantedScopes({ deps, wantedScopes: wantedScopeList }, held));

  test('within what is held is as it was asked for; nothing asked is all; beyond is invalid_scope', () => {
    expect(granted(null, ['read', 'email'])).toEqual(['read', 'email']);
    expect(granted(['projects:read'], ['read'])).toEqual(['projects:read']);
    expect(granted(['read'], ['projects:read'])).toBe('invalid_scope');
    expect(granted(['write'], ['read'])).toBe('invalid_scope');
    expect(granted(['api_keys:write'], ['read', 'write', 'delete'])).toBe('invalid_scope');
    expect(granted(['read'], [])).toBe('invalid_scope');
    expect(granted([], ['read'])).toEqual([]);
  });

  const ofNobody = (asked: string[] | null, held: string[], at: Resource) =>
    outcomeOf(() => scopesOfNobody({ deps, wantedScopes: asked }, held, at));

  test('of an application by itself opens something at the resource, and tells of no person', () => {
    const held = ['read', 'openid', 'offline_access', 'tools:call'];
    expect(ofNobody(null, held, usual)).toEqual(['read']);
    expect(ofNobody(null, held, tools)).toEqual(['tools:call']);
    expect(ofNobody(['read'], held, usual)).toEqual(['read']);
    expect(ofNobody(['openid'], held, usual)).toBe('invalid_scope');
    expect(ofNobody(['tools:call'], held, usual)).toBe('invalid_scope');
  });
});

describe('resource (RFC 8707 §2.2)', () => {
  const client = { application: { resources: null, scopes: ['tools:call'] } } as never;
  const granted = (wantedAudience: string | null, bound: string | null) => {
    const found = outcomeOf(() => grantedResource({ deps, client, wantedAudience }, bound));
    return typeof found === 'string' ? found : found.id;
  };

  test('is that of the consent, whatever else is named', () => {
    expect(granted(null, tools.audience)).toBe('res_2');
    expect(granted(tools.audience, tools.audience)).toBe('res_2');
    expect(granted(usual.audience, tools.audience)).toBe('invalid_target');
    expect(granted(null, 'https://gone.example')).toBe('invalid_target');
  });

  test('is the named one, or the usual one, where nothing is bound', () => {
    expect(granted(tools.audience, null)).toBe('res_2');
    expect(granted(null, null)).toBe('res_1');
  });
});
