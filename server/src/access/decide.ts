import { meetsAcr, type SessionRecord } from '../accounts/index.ts';
import type { KeyRecord } from '../api-keys/index.ts';
import { Failure, type WantedSignIn } from '../failure.ts';
import type { Environment, Guarded, Principal, SignIn } from '../http/index.ts';
import { LEEWAY_SECONDS } from '../tokens/index.ts';

/** Whether a key lives at this moment. Told only now, when the secret has matched (contract §3). Pure. */
export function refuseDeadKey(
  record: Pick<KeyRecord, 'revokedAtMs' | 'expiresAtMs' | 'isDisabled' | 'isWorkspaceSuspended'>,
  nowMs: number,
): void {
  if (record.revokedAtMs !== null) throw new Failure('token_revoked', 'The API key has been revoked.');
  if (record.isDisabled) throw new Failure('invalid_token', 'The API key is disabled.');
  if (record.isWorkspaceSuspended) throw new Failure('invalid_token', 'The workspace of this API key is suspended.');
  if (record.expiresAtMs !== null && record.expiresAtMs <= nowMs) {
    throw new Failure('token_expired', 'The API key has expired.');
  }
}

/** Whether a token may be used at a resource; keys may at every one. Pure. */
export function refuseOtherResource({ audience }: Pick<Principal, 'audience'>, wanted: string): void {
  if (audience === null || wanted === 'any' || audience === wanted) return;
  throw new Failure('invalid_token', 'The access token is for another resource.');
}

/** Whether a principal may be used where only one environment is served. Pure. */
export function refuseEnvironment(principal: Principal, wanted: Environment): void {
  if (principal.environment === wanted) return;
  throw new Failure('wrong_environment', `A ${principal.environment} credential does not work on ${wanted}.`);
}

/** Whether a key may be used from this address. Pure. */
export function refuseAddress({ addresses }: Pick<KeyRecord, 'addresses'>, address: string): void {
  if (addresses === null || addresses.has(address)) return;
  throw new Failure('ip_not_allowed', 'The API key may not be used from this address.');
}

/** Whether a principal holds every one of these scopes. Pure. */
export function refuseMissingScopes(principal: Principal, wanted: readonly string[]): void {
  const missing = wanted.filter((scope) => !principal.scopes.has(scope));
  if (missing.length === 0) return;
  const held = principal.grantedScopes;
  const holds = held.length === 0 ? 'no scopes' : held.slice(0, 20).join(', ');
  const needs = missing.length === 1 ? `the scope ${missing[0]}` : `the scopes ${missing.join(', ')}`;
  throw new Failure('insufficient_scope', `This call needs ${needs}; the credential holds ${holds}.`, {
    scopes: { wanted: [...wanted], held: [...held] },
  });
}

function problemOfSignIn(
  signIn: SignIn | null,
  { maxAgeSeconds, acrValues }: WantedSignIn,
  nowMs: number,
): string | null {
  if (signIn === null) return 'Nobody signed in for this credential. Use a token that a person signed in for.';
  const ageSeconds = Math.floor((nowMs - signIn.atMs) / 1000);
  if (maxAgeSeconds !== undefined && ageSeconds > maxAgeSeconds + LEEWAY_SECONDS) {
    return `The sign-in is ${ageSeconds} seconds old; this call needs one of the last ${maxAgeSeconds}. Sign in again.`;
  }
  if (acrValues === undefined || meetsAcr(signIn.acr, acrValues)) return null;
  return `This call needs a sign-in of ${acrValues.join(' or ')}; this one was ${signIn.acr ?? 'of none'}.`;
}

/** Whether the sign-in behind a principal is recent and strong enough (RFC 9470 §3, §6). Pure. */
export function refuseWeakSignIn({ signIn }: Pick<Principal, 'signIn'>, wanted: WantedSignIn, nowMs: number): void {
  const problem = problemOfSignIn(signIn, wanted, nowMs);
  if (problem !== null) throw new Failure('insufficient_user_authentication', problem, { signIn: wanted });
}

const BLOCKED: Record<NonNullable<SessionRecord['blockedBy']>, string> = {
  no_workspace: 'The session is in no workspace. Choose one of yours, or be invited to one.',
  second_factor: 'The workspace requires a second factor. Add one to your account first.',
  second_factor_proof:
    'This session is from before your account had a second factor. Prove who you are with it: POST /v1/account/session/proof.',
};

/** Whether a signed-in person may act in the session's workspace. Pure. */
export function refuseBlockedSession({ blockedBy, isWorkspaceSuspended }: SessionRecord): void {
  if (isWorkspaceSuspended) throw new Failure('invalid_token', 'The workspace of this session is suspended.');
  if (blockedBy !== null) throw new Failure('forbidden', BLOCKED[blockedBy]);
}

function isLetInBesideRoot({ kind, isOperator }: Principal, { people, operator }: Guarded): boolean {
  return (people === true && kind === 'session') || (operator === true && isOperator);
}

/** Whether this principal may call a route. Pure. */
export function refuseBeyondAccess(principal: Principal, access: Guarded): void {
  if (access.account && principal.kind !== 'session') {
    throw new Failure('forbidden', 'Only a signed-in person may do this: no key reaches an account.');
  }
  if (principal.kind === 'root') {
    if (access.root === 'refused')
      throw new Failure('forbidden', 'The root key manages Latchkey; it does not call APIs.');
    return;
  }
  if (access.root === 'only' && !isLetInBesideRoot(principal, access)) {
    const owners = access.operator ? ' or a signed-in owner of the first workspace' : '';
    throw new Failure('forbidden', `Only the root key${owners} may do this.`);
  }
  const { scope, own, allOf, environment } = access;
  if (environment !== undefined) refuseEnvironment(principal, environment);
  if (allOf !== undefined) refuseMissingScopes(principal, allOf);
  if (scope === null || principal.scopes.has(scope)) return;
  if (own !== undefined && principal.scopes.has(own)) return;
  refuseMissingScopes(principal, [scope]);
}
