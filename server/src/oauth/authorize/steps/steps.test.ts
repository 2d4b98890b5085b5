import { buildScopeCatalogue, DEFAULT_SCOPES } from '@latchkey/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Application } from '../../../applications/index.ts';
import type { Resource } from '../../../resources/index.ts';
import { readParameters } from '../parameters.ts';
import { readRequest, redirectUriOf, STEPS, type StepFacts } from './index.ts';

const REDIRECT = 'https://app.example/cb';
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

const API: Resource = {
  id: 'res_api',
  name: 'API',
  audience: 'https://id.example/v1',
  tokenFormat: 'jwt',
  signingAlg: 'ES256',
  accessTokenTtlSeconds: 900,
  acceptedAudiences: [],
  isDefault: true,
};
const FILES: Resource = { ...API, id: 'res_files', audience: 'https://files.example', isDefault: false };

const application: Application = {
  id: 'app_1',
  workspaceId: 'ws_1',
  environment: 'test',
  name: 'App',
  type: 'web',
  grantTypes: ['authorization_code', 'refresh_token'],
  authMethod: null,
  redirectUris: [REDIRECT],
  postLogoutRedirectUris: [],
  backChannelLogoutUri: null,
  needsSessionAtLogout: false,
  scopes: ['read', 'write', 'files:read', 'openid', 'email'],
  usualScopes: ['read', 'write', 'files:read', 'openid', 'email'],
  resources: null,
  requirePkce: false,
  consent: 'ask',
  refreshTokens: 'always',
  rotatesRefreshTokens: false,
  accessTokenTtlSeconds: null,
  idTokenAlgorithm: 'ES256',
  allowsSelfSignedJwt: false,
  jwks: null,
  jwksUri: null,
  clientUri: null,
  logoUri: null,
  policyUri: null,
  tosUri: null,
  isSelfRegistered: false,
  isDisabled: false,
  plan: null,
  limits: null,
};

const facts: StepFacts = {
  catalogue: buildScopeCatalogue([
    ...DEFAULT_SCOPES,
    { name: 'files:read', description: 'See files.', implies: [], sensitive: false, kind: 'product' },
  ]),
  resources: {
    byAudience: (audience) => [API, FILES].find((each) => each.audience === audience),
    default: () => API,
    offering: (scope) => (scope.startsWith('files:') ? FILES : API),
  },
  readHint: (text, clientId) => (text === 'hint' && clientId === 'app_1' ? 'usr_1' : null),
};

function read(params: Record<string, string | string[]>, changes: Partial<Application> = {}) {
  const entries = Object.entries({ response_type: 'code', client_id: 'app_1', ...params }).flatMap(([name, value]) =>
    [value].flat().map((each) => [name, each] as const),
  );
  const address = { clientId: 'app_1', redirectUri: REDIRECT, state: null, responseMode: 'query' } as const;
  return readRequest({ params: readParameters(entries), application: { ...application, ...changes }, address, facts });
}

const refusal = (params: Record<string, string | string[]>, changes: Partial<Application> = {}) => {
  const found = read(params, changes);
  return 'error' in found ? found.error : 'passes';
};

test('a plain request passes with what it asked for', () => {
  expect(read({ scope: 'read openid', nonce: 'n', max_age: '60', login_hint: 'ada@example.com' })).toEqual({
    clientId: 'app_1',
    redirectUri: REDIRECT,
    namedRedirectUri: null,
    state: null,
    responseMode: 'query',
    scopes: ['read', 'openid'],
    audience: API.audience,
    codeChallenge: null,
    nonce: 'n',
    prompts: [],
    maxAgeSeconds: 60,
    hintedUserId: null,
    loginHint: 'ada@example.com',
  });
});

test('A5: a parameter that occurs twice is refused, resource excepted', () => {
  for (const name of ['scope', 'nonce', 'foo', 'code_challenge', 'response_type']) {
    expect(refusal({ [name]: ['code', 'code'] }), name).toBe('invalid_request');
  }
  expect(refusal({ resource: [API.audience, API.audience] })).toBe('passes');
});

test('A9: only response_type code', () => {
  expect(refusal({ response_type: '' })).toBe('invalid_request');
  for (const type of ['token', 'id_token', 'code token', 'code id_token', 'none', 'CODE']) {
    expect(refusal({ response_type: type }), type).toBe('unsupported_response_type');
  }
});

test('A20: request objects are refused by name, whatever they hold', () => {
  expect(refusal({ request: 'e30.e30.' })).toBe('request_not_supported');
  expect(refusal({ request_uri: 'http://169.254.169.254/' })).toBe('request_uri_not_supported');
});

test('B7: authorization details are refused by name, sound or not', () => {
  for (const details of ['[{"type":"payment"}]', '[]', 'no JSON']) {
    expect(refusal({ authorization_details: details }), details).toBe('invalid_authorization_details');
  }
});

test('response_mode is query or form_post', () => {
  expect(refusal({ response_mode: 'form_post' })).toBe('passes');
  for (const mode of ['fragment', 'query.jwt', 'web_message']) {
    expect(refusal({ response_mode: mode }), mode).toBe('invalid_request');
  }
});

test('an application that is not registered for codes gets none', () => {
  expect(refusal({}, { grantTypes: ['client_credentials'] })).toBe('unauthorized_client');
});

describe('PKCE', () => {
  test('A7: needed by those without a secret, and where it is required', () => {
    expect(refusal({})).toBe('passes');
    expect(refusal({}, { type: 'public', authMethod: 'none' })).toBe('invalid_request');
    expect(refusal({}, { type: 'native', authMethod: null })).toBe('invalid_request');
    expect(refusal({}, { requirePkce: true })).toBe('invalid_request');
    expect(read({ code_challenge: CHALLENGE, code_challenge_method: 'S256' })).toHaveProperty(
      'codeChallenge',
      CHALLENGE,
    );
  });

  test('A8: S256 alone, for everybody', () => {
    for (const method of ['plain', '', 's256', 'S512', 'none']) {
      expect(refusal({ code_challenge: CHALLENGE, code_challenge_method: method }), method).toBe('invalid_request');
    }
    expect(refusal({ code_challenge_method: 'S256' })).toBe('invalid_request');
  });

  test('a challenge has the form of one', () => {
    for (const challenge of [CHALLENGE.slice(1), `${CHALLENGE}=`, `${CHALLENGE.slice(1)}+`]) {
      const found = refusal({ code_challenge: challenge, code_challenge_method: 'S256' });
      expect(found, challenge).toBe('invalid_request');
    }
  });
});

describe('B6: resource', () => {
  test('is a known one, by its absolute URI', () => {
    expect(read({ resource: FILES.audience })).toMatchObject({
      audience: FILES.audience,
      scopes: ['files:read', 'openid', 'email'],
    });
    for (const name of [
      'files',
      '/v1',
      `${API.audience}#x`,
      'https://other.example',
      `${API.audience}/`,
      'https://a b',
    ]) {
      expect(refusal({ resource: name }), name).toBe('invalid_target');
    }
  });

  test('may be written with the slash of an empty path', () => {
    expect(read({ resource: `${FILES.audience}/` })).toMatchObject({ audience: FILES.audience });
  });

  test('is one for each token, and one that the application may ask for', () => {
    expect(refusal({ resource: [API.audience, FILES.audience] })).toBe('invalid_target');
    expect(refusal({ resource: FILES.audience }, { scopes: ['read'] })).toBe('invalid_target');
    expect(refusal({ resource: FILES.audience }, { resources: [API.audience] })).toBe('invalid_target');
  });

  test('left out, is the default one, or the only one of the application', () => {
    expect(read({})).toMatchObject({ audience: API.audience });
    expect(read({}, { resources: [FILES.audience] })).toMatchObject({ audience: FILES.audience });
    expect(refusal({}, { resources: [] })).toBe('invalid_target');
  });
});

describe('scope', () => {
  test('unknown ones are ignored, too wide ones narrowed, none means all', () => {
    expect(read({ scope: 'read nope write:data' })).toMatchObject({ scopes: ['read', 'write:data'] });
    expect(read({ scope: 'admin openid' })).toMatchObject({ scopes: ['openid', 'read', 'write'] });
    expect(read({})).toMatchObject({ scopes: ['read', 'write', 'openid', 'email'] });
    expect(read({ scope: '  read   read ' })).toMatchObject({ scopes: ['read'] });
  });

  test('C21: what is no scope, too long, or leaves nothing is invalid_scope', () => {
    for (const scope of ['read\tx', 'a"b', 'ä', 'a'.repeat(10_000), 'nope', 'delete', 'files:read']) {
      expect(refusal({ scope }), scope.slice(0, 20)).toBe('invalid_scope');
    }
  });
});

test('A17: prompt none stands alone, and only known words are taken', () => {
  expect(read({ prompt: 'select_account login' })).toMatchObject({ prompts: ['login', 'select_account'] });
  expect(read({ prompt: 'none' })).toMatchObject({ prompts: ['none'] });
  for (const prompt of ['none login', 'consent none', 'create', 'NONE']) {
    expect(refusal({ prompt }), prompt).toBe('invalid_request');
  }
});

test('state is bounded: it waits for a person, stored', () => {
  expect(read({ state: 's'.repeat(4000) })).not.toHaveProperty('error');
  expect(refusal({ state: 's'.repeat(4001) })).toBe('invalid_request');
});

test('max_age is whole seconds', () => {
  for (const age of ['-1', '1.5', 'x', '1e3', '99999999999'])
    expect(refusal({ max_age: age }), age).toBe('invalid_request');
  expect(read({ max_age: '0' })).toMatchObject({ maxAgeSeconds: 0 });
});

test('an id_token_hint is one of ours, for this application', () => {
  expect(read({ id_token_hint: 'hint' })).toMatchObject({ hintedUserId: 'usr_1' });
  expect(refusal({ id_token_hint: 'other' })).toBe('invalid_request');
});

test('whatever is sent, no step throws, and a refusal is ASCII without quotes', () => {
  const name = fc.oneof(fc.constantFrom('scope', 'prompt', 'resource', 'nonce', 'max_age', 'state'), fc.string());
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.string({ unit: 'binary-ascii' }))), (entries) => {
      const address = { clientId: 'app_1', redirectUri: REDIRECT, state: null, responseMode: 'query' } as const;
      const found = readRequest({ params: readParameters(entries), application, address, facts });
      if ('error' in found) expect(found.description).toMatch(/^[\x20\x21\x23-\x5b\x5d-\x7e]+$/);
    }),
  );
  expect(STEPS).toHaveLength(14);
});

describe('redirect URIs', () => {
  const web = { type: 'web', redirectUris: [REDIRECT] } as const;
  const native = { type: 'native', redirectUris: ['http://127.0.0.1/cb', 'http://localhost:3000/cb?x=1'] } as const;

  test('A2: character by character', () => {
    for (const other of [
      'https://app.example.evil.example/cb',
      'https://app.example/cb/../x',
      'https://app.example/cb%2f..%2fx',
      'https://app.example/cb%252f..',
      'https://app.example/cb/..;/x',
      'https://app.example/cb?x=1',
      'https://app.example/cb#',
      'https://app.example/CB',
      'https://app.example:443/cb',
      'http://app.example/cb',
      'https://app.example/cb/',
      ' https://app.example/cb',
    ]) {
      expect(redirectUriOf(web, other), other).toBeNull();
    }
    expect(redirectUriOf(web, REDIRECT)).toBe(REDIRECT);
  });

  test('A4: on loopback any port, but no other host, path or query; for programs on a device alone', () => {
    for (const good of ['http://127.0.0.1:1/cb', 'http://127.0.0.1:65535/cb', 'http://localhost/cb?x=1']) {
      expect(redirectUriOf(native, good), good).toBe(good);
    }
    for (const bad of [
      'http://localhost:80/cb',
      'http://127.0.0.1:3/cb?x=1',
      'http://127.0.0.1:65536/cb',
      'http://127.0.0.1:0/cb',
      'http://127.0.0.1:3/cb/',
      'http://127.0.0.1:3@evil.example/cb',
      'http://127.0.0.1.evil.example:3/cb',
      'https://127.0.0.1:3/cb',
      'http://127.0.0.2:3/cb',
      'http://localhost:3000/cb?x=2',
    ]) {
      expect(redirectUriOf(native, bad), bad).toBeNull();
    }
    expect(redirectUriOf({ ...native, type: 'web' }, 'http://127.0.0.1:3/cb')).toBeNull();
  });

  test('A26: left out, it is the only one, or none', () => {
    expect(redirectUriOf(web, null)).toBe(REDIRECT);
    expect(redirectUriOf(native, null)).toBeNull();
    expect(redirectUriOf({ type: 'web', redirectUris: [] }, null)).toBeNull();
  });

  test('nothing but the port of a loopback address ever differs from what is registered', () => {
    const uri = fc.oneof(
      fc.webUrl({ withQueryParameters: true }),
      fc.string(),
      fc.constantFrom(...native.redirectUris),
    );
    fc.assert(
      fc.property(uri, fc.array(uri, { minLength: 1 }), (asked, redirectUris) => {
        const found = redirectUriOf({ type: 'native', redirectUris }, asked);
        if (found === null) return;
        expect(found).toBe(asked);
        if (redirectUris.includes(asked)) return;
        const bare = asked.replace(/:\d+/, '');
        expect(redirectUris.map((each) => each.replace(/^(http:\/\/[^/]*?):\d+/, '$1'))).toContain(bare);
      }),
    );
  });
});
