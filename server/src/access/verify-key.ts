import { canonicalAddress } from '../address.ts';
import type { KeyRecord, KeyResolver, KeyUsage } from '../api-keys/index.ts';
import type { Clock } from '../clock.ts';
import { type Environment, makerOf, type Principal } from '../http/index.ts';
import { isApiKeyText } from './credential-kind.ts';
import type { Decision } from './door.ts';
import { andThen, type CredentialSpending, refuseSpending, retryAfterSeconds, type Spender } from './spending.ts';

/** The first that holds, in this order (contract §3). */
export type VerifyCode =
  | 'malformed'
  | 'not_found'
  | 'revoked'
  | 'disabled'
  | 'expired'
  | 'wrong_environment'
  | 'ip_not_allowed'
  | 'insufficient_scope'
  | 'quota_exceeded'
  | 'rate_limit_exceeded'
  | 'valid';

export interface VerifyRequest {
  key: string;
  environment: Environment | null;
  scopes: readonly string[];
  /** The address of whoever presented the key. Null, or none at all, is on no allow list. */
  ip: string | null;
  /** Spent from the key when it is valid; 0 only looks. */
  cost: number;
}

export interface VerifyResult {
  code: VerifyCode;
  /** Null for a text that is no key of the caller's. */
  record: KeyRecord | null;
  spending: CredentialSpending | null;
  /** How long to wait before the key can be used again, where that was the reason. */
  retryAfterSeconds: number | null;
}

export interface VerifyDeps {
  keys: KeyResolver;
  usage: KeyUsage;
  spender: Spender;
  clock: Clock;
  onDecision(decision: Decision): void;
}

/** Everything that can be said of a key without spending. Pure. */
export function judge(record: KeyRecord, request: VerifyRequest, nowMs: number): VerifyCode {
  const { principal } = record;
  if (record.revokedAtMs !== null) return 'revoked';
  if (record.isDisabled || record.isWorkspaceSuspended) return 'disabled';
  if (record.expiresAtMs !== null && record.expiresAtMs <= nowMs) return 'expired';
  if (request.environment !== null && principal.environment !== request.environment) return 'wrong_environment';
  if (record.addresses !== null && (request.ip === null || !record.addresses.has(request.ip))) return 'ip_not_allowed';
  return request.scopes.every((scope) => principal.scopes.has(scope)) ? 'valid' : 'insufficient_scope';
}

const REFUSED: Record<'quota' | 'limit', VerifyCode> = { quota: 'quota_exceeded', limit: 'rate_limit_exceeded' };

const UNSPENT = { spending: null, retryAfterSeconds: null };

/** Another workspace's key answers as one that does not exist, unless the caller sees all. */
const sees = (caller: Principal, { principal }: KeyRecord) =>
  caller.allWorkspaces || caller.workspaceId === principal.workspaceId;

/**
 * Checks a key for somebody else's server, and spends from it: never from the caller. A warm key with limits in memory is
 * checked without a promise.
 */
export function createVerifyKey({ keys, usage, spender, clock, onDecision }: VerifyDeps) {
  const note = (code: VerifyCode, record: KeyRecord | null, request: VerifyRequest) =>
    onDecision({
      method: 'api_key',
      outcome: code === 'valid' ? 'allowed' : 'denied',
      code: code === 'valid' ? 'ok' : code,
      key: record,
      route: 'verify',
      address: canonicalAddress(request.ip ?? '') ?? '',
    });

  const spend = (
    caller: Principal,
    request: VerifyRequest,
    record: KeyRecord | null,
  ): VerifyResult | Promise<VerifyResult> => {
    if (!record || !sees(caller, record)) return { code: 'not_found', record: null, ...UNSPENT };
    const code = judge(record, request, clock.nowMs());
    if (code !== 'valid') return { code, record, ...UNSPENT };
    if (request.cost > 0) usage.touch(record);
    return andThen(
      spender.spendCredential(record, request.cost),
      (spending): VerifyResult => ({
        code: spending.refusedBy === null ? 'valid' : REFUSED[spending.refusedBy],
        record,
        spending,
        retryAfterSeconds: retryAfterSeconds(spending, clock),
      }),
    );
  };

  const check = (caller: Principal, request: VerifyRequest): VerifyResult | Promise<VerifyResult> => {
    if (!isApiKeyText(request.key)) return { code: 'malformed', record: null, ...UNSPENT };
    const warm = keys.peek(request.key);
    if (warm) return spend(caller, request, warm);
    const paySlow = () =>
      andThen(spender.spendSlowCheck(makerOf(caller)), (spending) => refuseSpending(spending, clock));
    return keys.find(request.key, paySlow).then((record) => spend(caller, request, record));
  };

  return (caller: Principal, request: VerifyRequest): VerifyResult | Promise<VerifyResult> =>
    andThen(check(caller, request), (result) => {
      note(result.code, result.record, request);
      return result;
    });
}

export type VerifyKey = ReturnType<typeof createVerifyKey>;
