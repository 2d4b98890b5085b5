import { DURATION_PATTERN, idPattern } from '@latchkey/protocol';
import { Type } from 'typebox';
import { closed, listReply, metadataReply, metadataSchema, nullable, oneOf, pageQuery } from '../http/index.ts';
import { limitsSchema } from '../limits/index.ts';

export const environmentSchema = oneOf('test', 'live');
const Timestamp = Type.String({ maxLength: 35, description: 'RFC 3339, UTC' });
const Duration = Type.String({ pattern: DURATION_PATTERN, maxLength: 13 });
const WorkspaceId = Type.String({ maxLength: 64 });
const Name = Type.String({ minLength: 1, maxLength: 100, pattern: '\\S' });
const Scopes = Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { maxItems: 100, uniqueItems: true });
const Quota = Type.Object(
  {
    limit: Type.Integer({ minimum: 1, maximum: 1_000_000_000_000 }),
    period: oneOf('hour', 'day', 'month', 'total'),
  },
  closed,
);

export const keyIdParams = Type.Object({ id: Type.String({ pattern: idPattern('api_key') }) });

/** What a maker and a patch may both say. */
const settable = {
  expires_at: Type.Optional(nullable(Timestamp)),
  expires_in: Type.Optional(nullable(Duration)),
  rotate_after: Type.Optional(nullable(Duration)),
  owner: Type.Optional(nullable(Type.String({ minLength: 1, maxLength: 200 }))),
  ip_allowlist: Type.Optional(nullable(Type.Array(Type.String({ maxLength: 50 }), { minItems: 1, maxItems: 200 }))),
  plan: Type.Optional(nullable(Type.String({ minLength: 1, maxLength: 64 }))),
  limits: Type.Optional(nullable(limitsSchema)),
  quota: Type.Optional(nullable(Quota)),
  external_id: Type.Optional(nullable(Type.String({ minLength: 1, maxLength: 200 }))),
  metadata: Type.Optional(nullable(metadataSchema)),
};

const made = {
  name: Name,
  scopes: Scopes,
  type: Type.Optional(oneOf('secret', 'restricted')),
  environment: Type.Optional(environmentSchema),
  all_workspaces: Type.Optional(Type.Boolean()),
  ...settable,
};

export const newKeyBody = Type.Object({ ...made, workspace_id: Type.Optional(WorkspaceId) }, closed);

export const keyPatchBody = Type.Object(
  {
    name: Type.Optional(Name),
    scopes: Type.Optional(Scopes),
    state: Type.Optional(oneOf('active', 'disabled')),
    workspace_id: Type.Optional(WorkspaceId),
    ...settable,
  },
  closed,
);

const Hash = Type.Object(
  {
    algorithm: oneOf('sha256', 'bcrypt', 'argon2'),
    value: Type.String({ minLength: 1, maxLength: 300 }),
  },
  closed,
);

export const importBody = Type.Object(
  {
    workspace_id: Type.Optional(WorkspaceId),
    keys: Type.Array(
      Type.Object(
        {
          ...made,
          hash: Hash,
          lookup_prefix: Type.Optional(nullable(Type.String({ minLength: 8, maxLength: 64, pattern: '^[!-~]+$' }))),
          hint: Type.Optional(nullable(Type.String({ minLength: 1, maxLength: 40 }))),
        },
        closed,
      ),
      { minItems: 1, maxItems: 1000 },
    ),
  },
  closed,
);

export const listQuery = Type.Object(
  {
    ...pageQuery,
    workspace_id: Type.Optional(WorkspaceId),
    environment: Type.Optional(environmentSchema),
    external_id: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    owner: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  },
  closed,
);

export const workspaceQuery = Type.Object({ workspace_id: Type.Optional(WorkspaceId) }, closed);

export const rotateBody = Type.Object(
  {
    overlap: Type.Optional(Duration),
    workspace_id: Type.Optional(WorkspaceId),
  },
  closed,
);

export const revokeBody = Type.Object(
  {
    reason: Type.Optional(nullable(Type.String({ maxLength: 500 }))),
    descendants: Type.Optional(Type.Boolean()),
    workspace_id: Type.Optional(WorkspaceId),
  },
  closed,
);

const keyFields = {
  id: Type.String(),
  name: Type.String(),
  type: oneOf('secret', 'restricted'),
  environment: environmentSchema,
  workspace_id: Type.String(),
  owner: nullable(Type.String()),
  scopes: Type.Array(Type.String()),
  hint: Type.String({ description: 'prefix … last four characters' }),
  state: oneOf('active', 'disabled', 'expired', 'revoked'),
  created_at: Timestamp,
  created_by: Type.String({ description: 'id of the credential that made it; root for the operator' }),
  expires_at: nullable(Timestamp),
  rotate_after: nullable(Type.String()),
  last_used_at: nullable(Timestamp),
  revoked_at: nullable(Timestamp),
  ip_allowlist: nullable(Type.Array(Type.String())),
  plan: nullable(Type.String()),
  limits: nullable(Type.Object({ per_hour: nullable(Type.Integer()), per_second: nullable(Type.Integer()) })),
  quota: nullable(Type.Object({ limit: Type.Integer(), period: Type.String() })),
  external_id: nullable(Type.String()),
  metadata: nullable(metadataReply),
  all_workspaces: Type.Optional(Type.Boolean()),
  previous: Type.Optional(Type.Object({ id: Type.String(), expires_at: nullable(Timestamp) })),
  successor_id: Type.Optional(Type.String()),
};

export const keyReply = Type.Object(keyFields);
export const newKeyReply = Type.Object({ ...keyFields, key: Type.String({ description: 'the secret; shown once' }) });
export const keyListReply = listReply(keyReply);
export const importReply = Type.Object({ data: Type.Array(keyReply) });
