import { DURATION_PATTERN, idPattern } from '@latchkey/protocol';
import { Type } from 'typebox';

const nullable = <T extends Parameters<typeof Type.Union>[0][number]>(type: T) => Type.Union([type, Type.Null()]);
const closed = { additionalProperties: false };

export const environmentSchema = Type.Union([Type.Literal('test'), Type.Literal('live')]);
const Timestamp = Type.String({ maxLength: 35, description: 'RFC 3339, UTC' });
const Duration = Type.String({ pattern: DURATION_PATTERN, maxLength: 13 });
/** Without a pattern of ours, TypeBox's `^.*$` would overlook names with a line break. */
const AnyName = Type.String({ pattern: '^[\\s\\S]*$' });
const Metadata = Type.Record(AnyName, Type.String({ maxLength: 500 }), {
  maxProperties: 50,
  propertyNames: { minLength: 1, maxLength: 40 },
});

export const keyIdParams = Type.Object({ id: Type.String({ pattern: idPattern('api_key') }) });

export const newKeyBody = Type.Object(
  {
    name: Type.String({ minLength: 1, maxLength: 100, pattern: '\\S' }),
    scopes: Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { maxItems: 100, uniqueItems: true }),
    type: Type.Optional(Type.Union([Type.Literal('secret'), Type.Literal('restricted')])),
    environment: Type.Optional(environmentSchema),
    workspace_id: Type.Optional(Type.String({ maxLength: 64 })),
    expires_at: Type.Optional(nullable(Timestamp)),
    expires_in: Type.Optional(nullable(Duration)),
    rotate_after: Type.Optional(nullable(Duration)),
    owner: Type.Optional(nullable(Type.String({ minLength: 1, maxLength: 200 }))),
    external_id: Type.Optional(nullable(Type.String({ minLength: 1, maxLength: 200 }))),
    metadata: Type.Optional(Metadata),
  },
  closed,
);

export const listQuery = Type.Object(
  {
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100 })),
    cursor: Type.Optional(Type.String()),
    workspace_id: Type.Optional(Type.String({ maxLength: 64 })),
    environment: Type.Optional(environmentSchema),
    external_id: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
  },
  closed,
);

export const workspaceQuery = Type.Object({ workspace_id: Type.Optional(Type.String({ maxLength: 64 })) }, closed);

export const revokeBody = Type.Object(
  {
    reason: Type.Optional(nullable(Type.String({ maxLength: 500 }))),
    workspace_id: Type.Optional(Type.String({ maxLength: 64 })),
  },
  closed,
);

const keyFields = {
  id: Type.String(),
  name: Type.String(),
  type: Type.Union([Type.Literal('secret'), Type.Literal('restricted')]),
  environment: environmentSchema,
  workspace_id: Type.String(),
  owner: nullable(Type.String()),
  scopes: Type.Array(Type.String()),
  hint: Type.String({ description: 'prefix … last four characters' }),
  state: Type.Union([Type.Literal('active'), Type.Literal('expired'), Type.Literal('revoked')]),
  created_at: Timestamp,
  created_by: Type.String({ description: 'id of the credential that made it; root for the operator' }),
  expires_at: nullable(Timestamp),
  rotate_after: nullable(Type.String()),
  last_used_at: nullable(Timestamp),
  revoked_at: nullable(Timestamp),
  ip_allowlist: Type.Null(),
  plan: Type.Null(),
  limits: Type.Null(),
  quota: Type.Null(),
  external_id: nullable(Type.String()),
  metadata: Type.Record(AnyName, Type.String()),
};

export const keyReply = Type.Object(keyFields);
export const newKeyReply = Type.Object({ ...keyFields, key: Type.String({ description: 'the secret; shown once' }) });
export const keyListReply = Type.Object({ data: Type.Array(keyReply), next_cursor: nullable(Type.String()) });
