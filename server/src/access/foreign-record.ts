import { sha256Hex } from '../crypto/index.ts';
import { Failure } from '../failure.ts';
import type { Principal } from '../http/index.ts';
import { DEFAULT_PLAN, type Limits, NO_SEAT, type PlanTable, planNamed } from '../limits/index.ts';
import { isExpired } from '../tokens/index.ts';
import type { ForeignToken } from '../trusted-issuers/index.ts';
import type { Spendable } from './spending.ts';
import type { ScopesOf, TokenWorkspace } from './token-record.ts';

/** A verified JWT of somebody else, kept in memory under the digest of its text; never the text. */
export interface ForeignRecord extends Spendable {
  readonly token: ForeignToken;
  readonly principal: Principal;
  readonly isWorkspaceSuspended: boolean;
  /** From when on its signature is looked at again: its issuer may have dropped the key. */
  readonly againAtMs: number;
}

/** What a token is worth once verified is believed no longer; keys are read again at least every ten. */
const BELIEVED_MS = 5 * 60_000;

/** However many subjects an issuer names, together they get this many times what one may. */
const SUBJECTS_AT_ONCE = 10;

const times = (limit: number | null) => (limit === null ? null : limit * SUBJECTS_AT_ONCE);

function principalOf(token: ForeignToken, scopesOf: ScopesOf): Principal {
  return {
    kind: 'application',
    method: 'jwt',
    credentialId: token.issuerId,
    workspaceId: token.workspaceId,
    environment: token.environment,
    // Whatever `sub` says, and whoever allowed it, it is nobody's account here (contract §7).
    userId: null,
    role: null,
    subject: token.subject,
    subjectIssuer: token.issuer,
    clientId: token.clientId,
    audience: token.audience,
    ...scopesOf(token.scopes.join(' ')),
    expiresAtMs: token.expiresAtMs,
    // When and how its subject signed in is its issuer's word too.
    signIn: null,
    isOperator: false,
    allWorkspaces: false,
  };
}

const bucket = (limits: Limits, limitBucket: string): Spendable => ({
  limits,
  limitBucket,
  quota: null,
  quotaBucket: '',
  ...NO_SEAT,
});

/** Contract §9: one bucket for each (issuer, sub), under one for the issuer; the workspace's where that is pooled. */
function limitsOf(token: ForeignToken, workspace: TokenWorkspace, plans: PlanTable): Spendable {
  const plan = planNamed(plans, token.plan ?? workspace.plan ?? DEFAULT_PLAN).limits;
  const own = token.limits ?? workspace.limits;
  if (workspace.isPooled) return bucket(workspace.limits ?? plan.api_key, `ws:${workspace.id}`);
  const limits = own ?? plan.jwt;
  const cap = { perHour: times(limits.perHour), perSecond: times(limits.perSecond) };
  return {
    ...bucket(limits, `jwt:${token.issuerId}:${sha256Hex(token.subject)}`),
    cap: bucket(cap, `jwt:${token.issuerId}`),
  };
}

export interface ForeignContext {
  scopesOf: ScopesOf;
  plans: PlanTable;
  workspace: TokenWorkspace;
  nowMs: number;
}

export function toForeignRecord(token: ForeignToken, context: ForeignContext): ForeignRecord {
  return {
    token,
    principal: principalOf(token, context.scopesOf),
    isWorkspaceSuspended: context.workspace.isSuspended,
    againAtMs: Math.min(context.nowMs + BELIEVED_MS, token.keyEndsAtMs),
    ...limitsOf(token, context.workspace, context.plans),
  };
}

/** Whether it still lives at this moment. Pure. */
export function refuseDeadForeign({ token, isWorkspaceSuspended }: ForeignRecord, nowMs: number): void {
  if (isExpired(token.expiresAtMs, nowMs)) throw new Failure('token_expired', 'The token has expired.');
  if (isWorkspaceSuspended) throw new Failure('invalid_token', 'The workspace of this token is suspended.');
}
