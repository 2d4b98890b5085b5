import { Type } from 'typebox';
import { toTimestamp } from '../clock.ts';
import { closed, metadataReply, nullable, oneOf, type Principal, type Route, route } from '../http/index.ts';
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

const quoted = (text: string | null) => (text === null ? 'null' : JSON.stringify(text));
const timestamp = (timeMs: number | null) => (timeMs === null ? 'null' : `"${toTimestamp(timeMs)}"`);

function limitText({ limit, quota }: CredentialSpending, waitSeconds: number | null): string {
  const resetAtMs = limit && limit.limits.perHour !== null ? limit.hourResetAtMs : null;
  const quotaText =
    quota && `{"limit":${quota.limit},"remaining":${quota.remaining},"reset_at":${timestamp(quota.resetAtMs)}}`;
  const policies = `"per_hour":${limit?.limits.perHour ?? null},"per_second":${limit?.limits.perSecond ?? null}`;
  const state = `"remaining":${limit?.hourRemaining ?? null},"reset_at":${timestamp(resetAtMs)}`;
  return `{${policies},${state},"retry_after_seconds":${waitSeconds},"quota":${quotaText}}`;
}

const NO_KEY = { workspaceId: null, environment: null, grantedScopes: [], userId: null };

function holderText({ workspaceId, environment, grantedScopes, userId }: VerifiedHolder): string {
  const [workspace, scopes] = [quoted(workspaceId), JSON.stringify(grantedScopes)];
  return `"workspace_id":${workspace},"environment":${quoted(environment)},"scopes":${scopes},"owner":${quoted(userId)}`;
}

type VerifiedHolder = Pick<Principal, 'workspaceId' | 'environment' | 'grantedScopes' | 'userId'>;

/**
 * The reply's text. Servers ask this for each request of their own: what a key has in common with its kin is written once.
 * Past the serializer, so the schema only documents it; a test compares the two.
 */
function createReplyText(): (result: VerifyResult) => string {
  const holderTexts = new WeakMap<object, string>();
  const holderOf = (principal: Principal): string => {
    const kin = principal.kin ?? principal;
    const known = holderTexts.get(kin);
    if (known !== undefined) return known;
    const made = holderText(principal);
    holderTexts.set(kin, made);
    return made;
  };
  return ({ code, record, spending, retryAfterSeconds }) => {
    const answer = `"valid":${code === 'valid'},"code":"${code}"`;
    const limit = spending === null ? 'null' : limitText(spending, retryAfterSeconds);
    if (record === null) {
      const nothing = '"external_id":null,"metadata":null,"expires_at":null';
      return `{${answer},"key_id":null,${holderText(NO_KEY)},${nothing},"limit":${limit}}`;
    }
    const { id, principal, externalId, metadataJson, expiresAtMs } = record;
    const own = `"external_id":${quoted(externalId)},"metadata":${metadataJson},"expires_at":${timestamp(expiresAtMs)}`;
    return `{${answer},"key_id":"${id}",${holderOf(principal)},${own},"limit":${limit}}`;
  };
}

/** `POST /api-keys/verify`: 200 for every well-formed question; the answer is in `valid` and `code`. */
export function verifyKeyRoute(verifyKey: VerifyKey): Route {
  const replyText = createReplyText();
  return route({
    method: 'POST',
    path: '/api-keys/verify',
    mounts: ['v1', 'v2', 'bare'],
    access: { scope: 'api_keys:verify', root: 'allowed', isFree: true },
    isIdempotent: false,
    tag: 'api-keys',
    summary: "Check somebody's key, and spend from it",
    body: verifyBody,
    reply: Type.Unsafe<string>(verifyReply),
    handler: ({ principal, body, setHeader }) => {
      const { key, environment = null, scopes = [], ip = null, cost = 1 } = body;
      setHeader('content-type', 'application/json; charset=utf-8');
      return andThen(verifyKey(principal, { key, environment, scopes, ip, cost }), replyText);
    },
  });
}
