import { ACR_VALUES } from '../../accounts/index.ts';
import type { ClientAuthMethod, GrantType } from '../../applications/index.ts';
import { IDENTITY_CLAIMS } from '../userinfo/claims.ts';

/** What features ask of the rest of the house. */
export interface FeatureFacts {
  /** The absolute URL of a path of ours. */
  url(path: string): string;
  /** Those that the token endpoint takes, in its order. */
  grantTypes: readonly GrantType[];
  authMethods: readonly ClientAuthMethod[];
  /** With which assertions of clients are signed. */
  assertionAlgorithms: readonly string[];
  idTokenAlgorithms: readonly string[];
}

export type Metadata = Readonly<Record<string, unknown>>;

/** Something that is offered at a path, and what the metadata says of it (RFC 8414 §2, OpenID Connect Discovery §3). */
export interface Feature {
  path: string;
  metadata(facts: FeatureFacts): Metadata;
}

const JWT_METHODS: readonly ClientAuthMethod[] = ['private_key_jwt', 'client_secret_jwt'];

/** How clients prove themselves at an endpoint. */
function authenticationAt(endpoint: string, { authMethods, assertionAlgorithms }: FeatureFacts, isOpen: boolean) {
  const methods = authMethods.filter((method) => isOpen || method !== 'none');
  return {
    [`${endpoint}_auth_methods_supported`]: methods,
    ...(methods.some((method) => JWT_METHODS.includes(method))
      ? { [`${endpoint}_auth_signing_alg_values_supported`]: assertionAlgorithms }
      : {}),
  };
}

const endpoint =
  (name: string, path: string): Feature['metadata'] =>
  ({ url }) => ({ [name]: url(path) });

/** The table of what may be offered. A row counts where its path is mounted: nothing is promised that does not answer. */
export const FEATURES: readonly Feature[] = [
  {
    path: '/oauth/authorize',
    metadata: ({ url }) => ({
      authorization_endpoint: url('/oauth/authorize'),
      response_types_supported: ['code'],
      response_modes_supported: ['query', 'form_post'],
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      acr_values_supported: ACR_VALUES,
      prompt_values_supported: ['none', 'login', 'consent', 'select_account'],
      claims_parameter_supported: false,
      request_parameter_supported: false,
      request_uri_parameter_supported: false,
    }),
  },
  {
    path: '/oauth/token',
    metadata: (facts) => ({
      token_endpoint: facts.url('/oauth/token'),
      grant_types_supported: facts.grantTypes,
      ...authenticationAt('token_endpoint', facts, true),
    }),
  },
  { path: '/.well-known/jwks.json', metadata: endpoint('jwks_uri', '/.well-known/jwks.json') },
  {
    path: '/oauth/revoke',
    metadata: (facts) => ({
      revocation_endpoint: facts.url('/oauth/revoke'),
      ...authenticationAt('revocation_endpoint', facts, true),
    }),
  },
  {
    path: '/oauth/introspect',
    metadata: (facts) => ({
      introspection_endpoint: facts.url('/oauth/introspect'),
      ...authenticationAt('introspection_endpoint', facts, false),
    }),
  },
  {
    path: '/oauth/userinfo',
    metadata: ({ url, idTokenAlgorithms }) => ({
      userinfo_endpoint: url('/oauth/userinfo'),
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: idTokenAlgorithms,
      claim_types_supported: ['normal'],
      claims_supported: [
        ...IDENTITY_CLAIMS,
        'iss',
        'aud',
        'exp',
        'iat',
        'auth_time',
        'nonce',
        'at_hash',
        'azp',
        'acr',
        'amr',
        'sid',
      ],
    }),
  },
  { path: '/oauth/register', metadata: endpoint('registration_endpoint', '/oauth/register') },
  {
    path: '/oauth/logout',
    metadata: ({ url }) => ({
      end_session_endpoint: url('/oauth/logout'),
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
    }),
  },
  { path: '/oauth/par', metadata: endpoint('pushed_authorization_request_endpoint', '/oauth/par') },
  {
    path: '/oauth/device_authorization',
    metadata: endpoint('device_authorization_endpoint', '/oauth/device_authorization'),
  },
];

/** What the features that are mounted add up to. Pure. */
export function metadataOf(features: readonly Feature[], isMounted: (path: string) => boolean, facts: FeatureFacts) {
  const mounted = features.filter(({ path }) => isMounted(path));
  return Object.assign({}, ...mounted.map(({ metadata }) => metadata(facts))) as Metadata;
}
