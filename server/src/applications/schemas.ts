import { DURATION_PATTERN, idPattern } from '@latchkey/protocol';
import { Type } from 'typebox';
import { closed, listReply, nullable, oneOf, pageQuery } from '../http/index.ts';
import { limitsSchema } from '../limits/index.ts';
import { ID_TOKEN_ALGORITHMS } from './application.ts';
import { AUTH_METHODS, GRANT_TYPES } from './rules.ts';

const Timestamp = Type.String({ maxLength: 35, description: 'RFC 3339, UTC' });
const Duration = Type.String({ pattern: DURATION_PATTERN, maxLength: 13 });
const WorkspaceId = Type.String({ maxLength: 64 });
const Uri = Type.String({ minLength: 1, maxLength: 2000 });
const Environment = oneOf('test', 'live');
const ApplicationTypes = oneOf('web', 'public', 'native', 'service');
const Scopes = Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { maxItems: 100, uniqueItems: true });
const Uris = Type.Array(Uri, { maxItems: 50, uniqueItems: true });
const Resources = Type.Array(Type.String({ minLength: 1, maxLength: 300 }), { maxItems: 50, uniqueItems: true });
const GrantTypes = Type.Array(oneOf(...GRANT_TYPES), { minItems: 1, maxItems: GRANT_TYPES.length, uniqueItems: true });
const Jwks = Type.Object({ keys: Type.Array(Type.Object({}), { minItems: 1, maxItems: 20 }) }, closed);

const Name = Type.String({ minLength: 1, maxLength: 100, pattern: '\\S' });

/** What a maker and a patch may both say. */
const settable = {
  redirect_uris: Type.Optional(Uris),
  post_logout_redirect_uris: Type.Optional(Uris),
  backchannel_logout_uri: Type.Optional(nullable(Uri)),
  backchannel_logout_session_required: Type.Optional(Type.Boolean()),
  resources: Type.Optional(nullable(Resources)),
  grant_types: Type.Optional(GrantTypes),
  token_endpoint_auth_method: Type.Optional(nullable(oneOf(...AUTH_METHODS))),
  require_pkce: Type.Optional(Type.Boolean()),
  consent: Type.Optional(oneOf('ask', 'skip')),
  refresh_tokens: Type.Optional(oneOf('always', 'offline_access')),
  refresh_token_rotation: Type.Optional(oneOf('always', 'never')),
  access_token_ttl_seconds: Type.Optional(nullable(Type.Integer({ minimum: 60, maximum: 86_400 }))),
  id_token_signed_response_alg: Type.Optional(oneOf(...ID_TOKEN_ALGORITHMS)),
  self_signed_jwt: Type.Optional(Type.Boolean()),
  jwks: Type.Optional(nullable(Jwks)),
  jwks_uri: Type.Optional(nullable(Uri)),
  client_uri: Type.Optional(nullable(Uri)),
  logo_uri: Type.Optional(nullable(Uri)),
  policy_uri: Type.Optional(nullable(Uri)),
  tos_uri: Type.Optional(nullable(Uri)),
  plan: Type.Optional(nullable(Type.String({ minLength: 1, maxLength: 64 }))),
  limits: Type.Optional(nullable(limitsSchema)),
};

export const newApplicationBody = Type.Object(
  {
    name: Name,
    scopes: Scopes,
    type: Type.Optional(ApplicationTypes),
    environment: Type.Optional(Environment),
    ...settable,
    workspace_id: Type.Optional(WorkspaceId),
  },
  // Said here too, so that all that is wrong is told at once: who is given codes, unless said, says where to.
  {
    ...closed,
    if: { anyOf: [{ required: ['grant_types'] }, { properties: { type: { const: 'service' } }, required: ['type'] }] },
    else: { required: ['redirect_uris'] },
  },
);

export const applicationPatchBody = Type.Object(
  {
    name: Type.Optional(Name),
    scopes: Type.Optional(Scopes),
    state: Type.Optional(oneOf('active', 'disabled')),
    ...settable,
    workspace_id: Type.Optional(WorkspaceId),
  },
  closed,
);

export const newSecretBody = Type.Object(
  {
    expires_at: Type.Optional(nullable(Timestamp)),
    expires_in: Type.Optional(nullable(Duration)),
    overlap: Type.Optional(Duration),
    workspace_id: Type.Optional(WorkspaceId),
  },
  closed,
);

export const applicationParams = Type.Object({ id: Type.String({ pattern: idPattern('application') }) });
export const secretParams = Type.Object({
  id: Type.String({ pattern: idPattern('application') }),
  secret_id: Type.String({ pattern: idPattern('client_secret') }),
});
export const workspaceQuery = Type.Object({ workspace_id: Type.Optional(WorkspaceId) }, closed);
export const listQuery = Type.Object(
  {
    ...pageQuery,
    workspace_id: Type.Optional(WorkspaceId),
    environment: Type.Optional(Environment),
    self_registered: Type.Optional(Type.Boolean()),
  },
  closed,
);

const secretFields = {
  id: Type.String(),
  hint: Type.String({ description: 'prefix … last four characters' }),
  signs: Type.Boolean({ description: 'whether JWTs signed with it are verified' }),
  created_at: Timestamp,
  created_by: Type.String(),
  expires_at: nullable(Timestamp),
  last_used_at: nullable(Timestamp),
};

const applicationFields = {
  id: Type.String(),
  client_id: Type.String({ description: 'the same as id' }),
  name: Type.String(),
  type: ApplicationTypes,
  environment: Environment,
  workspace_id: nullable(Type.String()),
  state: oneOf('active', 'disabled'),
  redirect_uris: Type.Array(Type.String()),
  post_logout_redirect_uris: Type.Array(Type.String()),
  backchannel_logout_uri: nullable(Type.String()),
  backchannel_logout_session_required: Type.Boolean(),
  scopes: Type.Array(Type.String()),
  resources: nullable(Type.Array(Type.String())),
  grant_types: Type.Array(Type.String()),
  token_endpoint_auth_method: nullable(Type.String()),
  require_pkce: Type.Boolean(),
  consent: oneOf('ask', 'skip'),
  refresh_tokens: oneOf('always', 'offline_access'),
  refresh_token_rotation: oneOf('always', 'never'),
  access_token_ttl_seconds: nullable(Type.Integer()),
  id_token_signed_response_alg: oneOf(...ID_TOKEN_ALGORITHMS),
  self_signed_jwt: Type.Boolean(),
  jwks: nullable(Type.Object({ keys: Type.Array(Type.Record(Type.String(), Type.Unknown())) })),
  jwks_uri: nullable(Type.String()),
  client_uri: nullable(Type.String()),
  logo_uri: nullable(Type.String()),
  policy_uri: nullable(Type.String()),
  tos_uri: nullable(Type.String()),
  self_registered: Type.Boolean(),
  plan: nullable(Type.String()),
  limits: nullable(Type.Object({ per_hour: nullable(Type.Integer()), per_second: nullable(Type.Integer()) })),
  created_at: Timestamp,
  created_by: Type.String({ description: 'id of the credential that made it; root for the operator' }),
  secrets: Type.Array(Type.Object(secretFields)),
};

export const applicationReply = Type.Object(applicationFields);
export const newApplicationReply = Type.Object({
  ...applicationFields,
  client_secret: Type.Optional(Type.String({ description: 'the secret; shown once' })),
});
export const applicationListReply = listReply(applicationReply);
export const secretReply = Type.Object({
  ...secretFields,
  client_id: Type.String(),
  client_secret: Type.String({ description: 'the secret; shown once' }),
});
