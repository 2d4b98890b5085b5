import type { ScopeDefinition, ScopeKind } from './scopes.ts';

type Verb = 'read' | 'write' | 'delete';

const VERBS: readonly Verb[] = ['read', 'write', 'delete'];
const TYPES = ['users', 'projects', 'orders', 'data'] as const;

const VERB_WORDS: Record<Verb, string> = { read: 'See', write: 'Add and change', delete: 'Delete' };

const MANAGED = {
  api_keys: 'API keys',
  applications: 'connected applications',
  trusted_issuers: 'services whose sign-ins are trusted',
  webhooks: 'addresses that are told about events',
  members: 'members of the workspace and what they may do',
};

function define(
  kind: ScopeKind,
  name: string,
  description: string,
  implies: readonly string[] = [],
  sensitive = false,
): ScopeDefinition {
  return { name, description, implies, sensitive, kind };
}

function scopesOfVerb(verb: Verb): ScopeDefinition[] {
  const words = VERB_WORDS[verb];
  const sensitive = verb === 'delete';
  const all = `${verb}:all`;
  const own = `${verb}:own`;
  const typed = TYPES.flatMap((type) => [`${type}:${verb}`, `${verb}:${type}`]);
  const everything = `${words} everything in the workspace: people, projects, orders and data.`;
  return [
    define('product', verb, everything, [all, own, ...typed], sensitive),
    define('product', all, everything, [verb], sensitive),
    define('product', own, `${words} only what belongs to you.`, [], sensitive),
  ];
}

function scopesOfType(type: (typeof TYPES)[number]): ScopeDefinition[] {
  return VERBS.flatMap((verb) => {
    const description = `${VERB_WORDS[verb]} the ${type === 'users' ? 'people' : type} of the workspace.`;
    const sensitive = verb === 'delete';
    const [usual, turned] = [`${type}:${verb}`, `${verb}:${type}`];
    return [
      define('product', usual, description, [turned], sensitive),
      define('product', turned, description, [usual], sensitive),
    ];
  });
}

const PRODUCT = [...VERBS.flatMap(scopesOfVerb), ...TYPES.flatMap(scopesOfType)];

const MANAGEMENT = [
  ...Object.entries(MANAGED).flatMap(([name, words]) => [
    define('management', `${name}:read`, `See the ${words}.`),
    define('management', `${name}:write`, `Add, change and remove the ${words}.`, [], true),
  ]),
  define('management', 'audit:read', 'See the record of who did what in the workspace.', [], true),
  define('management', 'usage:read', 'See how much the workspace is used.'),
  define('management', 'api_keys:verify', 'Check whether an API key is valid and what it may do.'),
  define('management', 'guard:read', 'Check credentials in front of a service, and hear when they end.', [], true),
  define('management', 'tokens:introspect', 'Check whether an access token is valid and whose it is.'),
];

const IDENTITY = [
  define('identity', 'offline_access', 'Keep access while you are away, until you take it back.'),
  define('identity', 'openid', 'Know that it is you who signs in.'),
  define('identity', 'profile', 'See your name and picture.'),
  define('identity', 'email', 'See your email address.'),
];

const EVERYTHING = 'Do everything in the workspace: see, change and delete all it holds, and manage who has access.';

const ADMIN = [
  define('product', 'admin', EVERYTHING, ['admin:all', ...[...PRODUCT, ...MANAGEMENT].map(({ name }) => name)], true),
  define('product', 'admin:all', EVERYTHING, ['admin'], true),
];

/**
 * The catalogue that a new installation starts with. `read`, `write` and `delete` imply their own product scopes,
 * never one another and never management; `admin` implies all product and management scopes; synonyms imply each
 * other; identity scopes (OpenID Connect Core section 5.4, offline_access section 11) stand alone.
 */
export const DEFAULT_SCOPES: readonly ScopeDefinition[] = [...PRODUCT, ...ADMIN, ...MANAGEMENT, ...IDENTITY];
