import { type Static, Type } from 'typebox';
import { toTimestamp } from '../clock.ts';
import { closed, metadataReply, nullable, oneOf, type Route, route } from '../http/index.ts';
import { andThen, type CredentialSpending } from './spending.ts';
import type { VerifyKey, VerifyResult } from './verify-key.ts';

const Environment = oneOf('test', 'live');

const verifyBody = Type.Object(
  {
    key: Type.String({ maxLength: 4096 }),
    environment: Type.Optional(Environment),
    scopes: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 100 }), { maxItems: 100 })),
    ip: Type.Optional(Type.String({ maxLength: 64 })),
    cost: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000 })),
  },
  closed,
);

const limitReply = Type.Object({
  per_hour: nullable(Type.Integer()),
  per_second: nullable(Type.Integer()),
  remaining: nullable(Type.Integer()),
  reset_at: nullable(Type.String()),
  retry_after_seconds: nullable(Type.Integer()),
  quota: nullable(Type.Object({ limit: Type.Integer(), remaining: Type.Integer(), reset_at: nullable(Type.String()) })),
});

const verifyReply = Type.Object({
  valid: Type.Boolean(),
  code: Type.String(),
  key_id: nullable(Type.String()),
  workspace_id: nullable(Type.String()),
  environment: nullable(Environment),
  scopes: Type.Array(Type.String()),
  owner: nullable(Type.String()),
  external_id: nullable(Type.String()),
  metadata: nullable(metadataReply),
  expires_at: nullable(Type.String()),
  limit: nullable(limitReply),
});

function presentLimit({ limit, quota }: CredentialSpending, waitSeconds: number | null): Static<typeof limitReply> {
  return {
    per_hour: limit?.limits.perHour ?? null,
    per_second: limit?.limits.perSecond ?? null,
    remaining: limit?.hourRemaining ?? null,
    reset_at: limit && limit.limits.perHour !== null ? toTimestamp(limit.hourResetAtMs) : null,
    retry_after_seconds: waitSeconds,
    quota: quota && { limit: quota.limit, remaining: quota.remaining, reset_at: toTimestamp(quota.resetAtMs) },
  };
}

function present({ code, record, spending, retryAfterSeconds }: VerifyResult): Static<typeof verifyReply> {
  const principal = record?.principal;
  return {
    valid: code === 'valid',
    code,
    key_id: record?.id ?? null,
    workspace_id: principal?.workspaceId ?? null,
    environment: principal?.environment ?? null,
    scopes: [...(principal?.grantedScopes ?? [])],
    owner: principal?.userId ?? null,
    external_id: record?.externalId ?? null,
    metadata: record ? (JSON.parse(record.metadataJson) as Record<string, string> | null) : null,
    expires_at: toTimestamp(record?.expiresAtMs ?? null),
    limit: spending && presentLimit(spending, retryAfterSeconds),
  };
}

/** `POST /api-keys/verify`: 200 for every well-formed question; the answer is in `valid` and `code`. */
export function verifyKeyRoute(verifyKey: VerifyKey): Route {
  return route({
    method: 'POST',
    path: '/api-keys/verify',
    mounts: ['v1', 'v2', 'bare'],
    access: { scope: 'api_keys:verify', root: 'allowed', isFree: true },
    isIdempotent: false,
    tag: 'api-keys',
    summary: "Check somebody's key, and spend from it",
    body: verifyBody,
    reply: verifyReply,
    handler: ({ principal, body }) => {
      const { key, environment = null, scopes = [], ip = null, cost = 1 } = body;
      return andThen(verifyKey(principal, { key, environment, scopes, ip, cost }), present);
    },
  });
}
