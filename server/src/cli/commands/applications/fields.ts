import { UsageError } from '../../refusal.ts';
import type { OptionSpecs, OptionValues } from '../../specs.ts';
import { limitsOf } from '../keys/fields.ts';

/** For commands about the applications of one workspace. */
export const workspaceOption = {
  workspace: {
    type: 'text',
    value: 'ID',
    description: 'Whose applications; needed by the root key when there are several',
  },
} as const satisfies OptionSpecs;

const yesOrNo = ['yes', 'no'] as const;

/** What a new application and a changed one may both say. */
export const settableOptions = {
  'redirect-uri': { type: 'list', value: 'URI', description: 'Where people are sent back to; each, in full' },
  'post-logout-redirect-uri': { type: 'list', value: 'URI', description: 'Where people go after they signed out' },
  'backchannel-logout-uri': { type: 'text', value: 'URL', description: 'Where it is told of sessions that end' },
  'backchannel-logout-session': {
    type: 'text',
    value: 'YES',
    description: 'Whether it wants sid in what it is told (it is always there)',
    choices: yesOrNo,
  },
  resource: { type: 'list', value: 'API', description: 'The APIs that it may ask tokens for: audience or res_…' },
  grant: { type: 'list', value: 'TYPE', description: 'The grant types that it may use' },
  'auth-method': {
    type: 'text',
    value: 'METHOD',
    description: 'How it proves itself at the token endpoint',
    choices: ['client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt', 'none'],
  },
  'require-pkce': { type: 'text', value: 'YES', description: 'Refuse it without PKCE', choices: yesOrNo },
  consent: {
    type: 'text',
    value: 'CONSENT',
    description: 'Whether people are asked (skip: root key)',
    choices: ['ask', 'skip'],
  },
  'refresh-tokens': {
    type: 'text',
    value: 'WHEN',
    description: 'With every consent, or only where it asks for offline_access',
    choices: ['always', 'offline_access'],
  },
  'refresh-rotation': {
    type: 'text',
    value: 'WHEN',
    description: 'Whether each refresh gives a new refresh token',
    choices: ['always', 'never'],
  },
  'token-seconds': { type: 'number', value: 'N', description: 'How long its access tokens live', min: 60, max: 86_400 },
  'id-token-alg': {
    type: 'text',
    value: 'ALG',
    description: 'What its ID tokens are signed with',
    choices: ['ES256', 'RS256'],
  },
  'self-signed-jwt': { type: 'text', value: 'YES', description: 'Accept JWTs that it signs itself', choices: yesOrNo },
  'jwks-uri': { type: 'text', value: 'URL', description: 'Where its public keys are' },
  'client-uri': { type: 'text', value: 'URL', description: 'Its home page' },
  'logo-uri': { type: 'text', value: 'URL', description: 'Its picture, for the consent page' },
  'policy-uri': { type: 'text', value: 'URL', description: 'Its privacy policy' },
  'tos-uri': { type: 'text', value: 'URL', description: 'Its terms of service' },
  plan: { type: 'text', value: 'PLAN', description: 'Its plan of limits' },
  'per-hour': { type: 'number', value: 'N', description: 'Its own limit per hour', min: 1, max: 1_000_000_000 },
  'per-second': { type: 'number', value: 'N', description: 'Its own limit per second', min: 1, max: 1_000_000_000 },
} as const satisfies OptionSpecs;

const orUndefined = (list: string[]) => (list.length === 0 ? undefined : list);
const isYes = (text: string | undefined) => (text === undefined ? undefined : text === 'yes');

/** Long names of grant types, by the words that stand for them. */
const GRANTS: Readonly<Record<string, string>> = {
  'jwt-bearer': 'urn:ietf:params:oauth:grant-type:jwt-bearer',
  device_code: 'urn:ietf:params:oauth:grant-type:device_code',
  'token-exchange': 'urn:ietf:params:oauth:grant-type:token-exchange',
};

/** The fields of a body that were given; those that were not are left out. */
export function settableBody(options: OptionValues<typeof settableOptions>): Record<string, unknown> {
  const fields = {
    redirect_uris: orUndefined(options['redirect-uri']),
    post_logout_redirect_uris: orUndefined(options['post-logout-redirect-uri']),
    backchannel_logout_uri: options['backchannel-logout-uri'],
    backchannel_logout_session_required: isYes(options['backchannel-logout-session']),
    resources: orUndefined(options.resource),
    grant_types: orUndefined(options.grant)?.map((grant) => GRANTS[grant] ?? grant),
    token_endpoint_auth_method: options['auth-method'],
    require_pkce: isYes(options['require-pkce']),
    consent: options.consent,
    refresh_tokens: options['refresh-tokens'],
    refresh_token_rotation: options['refresh-rotation'],
    access_token_ttl_seconds: options['token-seconds'],
    id_token_signed_response_alg: options['id-token-alg'],
    self_signed_jwt: isYes(options['self-signed-jwt']),
    jwks_uri: options['jwks-uri'],
    client_uri: options['client-uri'],
    logo_uri: options['logo-uri'],
    policy_uri: options['policy-uri'],
    tos_uri: options['tos-uri'],
    plan: options.plan,
    limits: limitsOf(options),
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

/** When a secret is to end; at most one of two ways to say it. */
export const expiryOptions = {
  'expires-in': { type: 'text', value: 'DURATION', description: 'End after this long, such as 90d' },
  'expires-at': { type: 'text', value: 'TIME', description: 'End at this time (RFC 3339)' },
} as const satisfies OptionSpecs;

export function expiryBody(options: OptionValues<typeof expiryOptions>, path: string): Record<string, string> {
  const { 'expires-in': span, 'expires-at': time } = options;
  if (span !== undefined && time !== undefined) {
    throw new UsageError('--expires-in and --expires-at: give one of them', path);
  }
  return { ...(span === undefined ? {} : { expires_in: span }), ...(time === undefined ? {} : { expires_at: time }) };
}
