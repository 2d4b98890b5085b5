import { idPattern } from '@latchkey/protocol';
import { Type } from 'typebox';
import { closed, listReply, nullable, oneOf, pageQuery } from '../http/index.ts';
import { ISSUER_ALGORITHMS } from './issuer.ts';

const WorkspaceId = Type.String({ pattern: idPattern('workspace') });
const Environment = oneOf('test', 'live');
const Scope = Type.String({ minLength: 1, maxLength: 100 });
const Audience = nullable(Type.String({ minLength: 1, maxLength: 300 }));
const AnyName = Type.String({ pattern: '^[\\s\\S]*$' });
/** What a key holds is checked by itself; here only that it is a set of objects. */
const Jwks = Type.Object({ keys: Type.Array(Type.Record(AnyName, Type.Unknown()), { maxItems: 100 }) });

const settable = {
  jwks_uri: Type.Optional(Type.String({ maxLength: 2048 })),
  jwks: Type.Optional(Jwks),
  secret: Type.Optional(Type.String({ maxLength: 1000 })),
  algorithms: Type.Optional(Type.Array(oneOf(...ISSUER_ALGORITHMS), { minItems: 1, maxItems: 10 })),
  scope_claim: Type.Optional(nullable(Type.String({ minLength: 1, maxLength: 200 }))),
  resource: Type.Optional(nullable(Type.String({ minLength: 1, maxLength: 300 }))),
};
const Scopes = Type.Array(Scope, { maxItems: 200 });

export const newIssuerBody = Type.Object(
  {
    issuer: Type.String({ minLength: 1, maxLength: 500 }),
    audience: Audience,
    scopes: Scopes,
    ...settable,
    environment: Type.Optional(Environment),
    workspace_id: Type.Optional(WorkspaceId),
  },
  closed,
);

export const issuerPatchBody = Type.Object(
  {
    audience: Type.Optional(Audience),
    scopes: Type.Optional(Scopes),
    ...settable,
    workspace_id: Type.Optional(WorkspaceId),
  },
  closed,
);

export const issuerReply = Type.Object({
  id: Type.String(),
  issuer: Type.String(),
  audience: nullable(Type.String()),
  jwks_uri: nullable(Type.String()),
  jwks: nullable(Type.Object({ keys: Type.Array(Type.Record(AnyName, Type.Unknown())) })),
  has_secret: Type.Boolean(),
  algorithms: Type.Array(Type.String()),
  scopes: Type.Array(Type.String()),
  scope_claim: nullable(Type.String()),
  resource: nullable(Type.String()),
  environment: Environment,
  workspace_id: Type.String(),
  created_by: Type.String(),
  created_at: Type.String(),
});

export const issuerListReply = listReply(issuerReply);
export const issuerParams = Type.Object({ id: Type.String({ pattern: idPattern('trusted_issuer') }) });
export const workspaceQuery = Type.Object({ workspace_id: Type.Optional(WorkspaceId) }, closed);
export const listQuery = Type.Object(
  { ...pageQuery, workspace_id: Type.Optional(WorkspaceId), environment: Type.Optional(Environment) },
  closed,
);
