import { mayBeOlder, useClientAssertion } from '../applications/index.ts';
import { sha256Hex } from '../crypto/index.ts';
import type { Tx } from '../database/index.ts';
import { Failure } from '../failure.ts';
import type { Environment } from '../http/index.ts';
import { LEEWAY_SECONDS } from '../tokens/index.ts';
import {
  audiencesOf,
  refuseFuture,
  refuseOtherKinds,
  scopesIn,
  subjectOf,
  type Times,
  tellsScopes,
  timesOf,
} from './claims.ts';
import {
  type ForeignDeps,
  type ForeignToken,
  namesOurUser,
  refuseExpired,
  refuseOurIds,
  scopesWithin,
} from './foreign-token.ts';
import { resourceOf, type TrustedIssuer } from './issuer.ts';
import { type ForeignJwt, isSignedBy, readForeignJwt } from './jws.ts';
import { notAccepted, reasonOf } from './refusal.ts';
import { signerOf } from './self-issued-token.ts';
import { insertUsedAssertion } from './store.ts';
import { keyOfIssuer } from './trusted-token.ts';

/** Who presents an assertion as a grant (RFC 7523 §2.1), authenticated before. */
export interface AssertionRequest {
  application: { readonly id: string; readonly workspaceId: string | null; readonly environment: Environment };
  /** The resource that is asked for; null: the one of the issuer. */
  audience: string | null;
}

/** An assertion that may be used once, and what it allows. */
export interface VerifiedAssertion {
  readonly kind: ForeignToken['kind'];
  readonly issuerId: string;
  readonly issuer: string;
  /** Its issuer's word. */
  readonly subject: string;
  /** The user of ours that `subject` names: worth nothing until a living grant of that user is found. Null for all else. */
  readonly userId: string | null;
  readonly workspaceId: string | null;
  readonly environment: Environment;
  /** The resource that it may get a token for; null: whichever the application may. */
  readonly audience: string | null;
  /** The most that a token for it may do; the application's own scopes narrow it further. */
  readonly scopes: readonly string[];
  readonly expiresAtMs: number;
  readonly jti: string | null;
  /** What tells it from every other assertion. */
  readonly digest: string;
}

/** `reason` is for the log; who presents it is told `invalid_grant` (RFC 7523 §3.1), or that keys are `unavailable`. */
export type AssertionResult =
  | { outcome: 'verified'; assertion: VerifiedAssertion }
  | { outcome: 'refused'; reason: string };

export interface Assertions {
  /**
   * Everything about an assertion but whether it was used: form, signature, that it is for us alone, times, subject.
   * Throws `unavailable` while the keys of its issuer cannot be read.
   */
  verifyAssertion(text: string, request: AssertionRequest): Promise<AssertionResult>;
  /** Uses it up, in the transaction that gives something for it. False when it was used before, by whomever. */
  useAssertion(tx: Tx, assertion: VerifiedAssertion): Promise<boolean>;
}

/** What an application signs for this very request, and what somebody else's token service hands out. */
const LONGEST_OWN_SECONDS = 300;
const LONGEST_SECONDS = 3600;
/** Kept past its validity by the largest leeway there is (security O13). */
const SKEW_MS = 5 * 60_000;
const LONGEST_JTI = 500;

/** RFC 10070 §3: our issuer as the sole value, so that it is worth nothing anywhere else, and nothing else's is here. */
function refuseOtherAudience({ claims }: ForeignJwt, own: string): void {
  const [aud, ...more] = audiencesOf(claims);
  if (aud !== own || more.length > 0) throw notAccepted('aud is not our issuer alone');
}

function refuseTimes({ exp, nbf, iat }: Times, nowMs: number, longestSeconds: number): void {
  refuseFuture({ exp, nbf, iat }, nowMs);
  refuseExpired(exp, nowMs);
  const nowSeconds = Math.floor(nowMs / 1000);
  const lifetime = Math.max(exp - (iat ?? nowSeconds), exp - nowSeconds - LEEWAY_SECONDS);
  if (lifetime > longestSeconds) throw notAccepted(`it lives longer than ${longestSeconds} seconds`);
}

function idOf({ claims, signingInput }: ForeignJwt, iss: string): Pick<VerifiedAssertion, 'jti' | 'digest'> {
  const { jti } = claims;
  if (jti === undefined) return { jti: null, digest: sha256Hex(`jwt\n${iss}\n${signingInput.toString('latin1')}`) };
  if (typeof jti !== 'string' || jti === '' || jti.length > LONGEST_JTI) throw notAccepted('jti is no text');
  return { jti, digest: sha256Hex(`jti\n${iss}\n${jti}`) };
}

/**
 * What an application signs for itself proves it too (RFC 7523 §2.2), so both uses count as one: a copy of what it has
 * proven itself with is worth nothing here, and the reverse.
 */
function useUp(tx: Tx, { kind, issuerId, jti, digest, expiresAtMs }: VerifiedAssertion): Promise<boolean> {
  const expires_at = expiresAtMs + LEEWAY_SECONDS * 1000 + SKEW_MS;
  if (kind === 'trusted' || jti === null) return insertUsedAssertion(tx, { digest, expires_at });
  return useClientAssertion(tx, { client_id: issuerId, jti_hash: sha256Hex(jti), expires_at });
}

interface Granting {
  kind: ForeignToken['kind'];
  issuerId: string;
  workspaceId: string | null;
  environment: Environment;
  audience: string | null;
  scopes: readonly string[];
  scopeClaim: string | null;
}

/** The application's word for itself: it may have what it may have. */
async function grantedByItself(
  deps: ForeignDeps,
  jwt: ForeignJwt,
  { application }: AssertionRequest,
): Promise<Granting> {
  const { clientId, workspaceId, environment, scopes } = await signerOf(deps, jwt, application.id);
  return {
    kind: 'self_issued',
    issuerId: clientId,
    workspaceId,
    environment,
    audience: null,
    scopes,
    scopeClaim: null,
  };
}

function registrationOf(deps: ForeignDeps, iss: string, { application, audience }: AssertionRequest): TrustedIssuer {
  const found = deps
    .issuers()
    .get(iss)
    ?.find((issuer) => {
      const isHere = issuer.workspaceId === application.workspaceId && issuer.environment === application.environment;
      return isHere && (audience === null || resourceOf(issuer, deps.resources)?.audience === audience);
    });
  if (!found) throw notAccepted('the issuer is not registered for this workspace, environment and resource');
  return found;
}

async function grantedByIssuer(
  deps: ForeignDeps,
  jwt: ForeignJwt,
  iss: string,
  request: AssertionRequest,
): Promise<Granting> {
  const issuer = registrationOf(deps, iss, request);
  const key = await keyOfIssuer(deps, issuer, jwt);
  if (!(await isSignedBy(jwt, jwt.alg, key))) throw notAccepted('the signature is not of that key');
  const audience = resourceOf(issuer, deps.resources)?.audience;
  if (audience === undefined) throw notAccepted('the resource of the issuer is gone');
  const { id: issuerId, workspaceId, environment, scopes, scopeClaim } = issuer;
  return { kind: 'trusted', issuerId, workspaceId, environment, audience, scopes, scopeClaim };
}

async function verify(deps: ForeignDeps, text: string, request: AssertionRequest): Promise<VerifiedAssertion> {
  const jwt = readForeignJwt(text, 'assertion');
  const { iss } = jwt.claims;
  if (typeof iss !== 'string') throw notAccepted('iss is missing');
  const isOwn = iss === request.application.id;
  refuseOtherAudience(jwt, deps.issuer());
  const {
    scopes: most,
    scopeClaim,
    ...granting
  } = isOwn ? await grantedByItself(deps, jwt, request) : await grantedByIssuer(deps, jwt, iss, request);
  refuseOtherKinds(jwt.claims);
  const times = timesOf(jwt.claims);
  const longestSeconds = isOwn ? LONGEST_OWN_SECONDS : LONGEST_SECONDS;
  refuseTimes(times, deps.clock.nowMs(), longestSeconds);
  if (deps.restoredAtMs !== null && mayBeOlder(deps.restoredAtMs / 1000, times, longestSeconds)) {
    throw notAccepted('it may have been used before the backup was put back');
  }
  const subject = subjectOf(jwt.claims);
  refuseOurIds({ ...granting, subject });
  const asked = scopesIn(jwt.claims, scopeClaim);
  return {
    ...granting,
    issuer: iss,
    subject,
    userId: namesOurUser(subject) ? subject : null,
    scopes: tellsScopes(jwt.claims, scopeClaim) ? scopesWithin(deps.catalogue, asked, most) : most,
    expiresAtMs: times.exp * 1000,
    ...idOf(jwt, iss),
  };
}

export function createAssertions(deps: ForeignDeps): Assertions {
  return {
    verifyAssertion: async (text, request) => {
      try {
        return { outcome: 'verified', assertion: await verify(deps, text, request) };
      } catch (error) {
        if (!(error instanceof Failure) || error.status !== 401) throw error;
        return { outcome: 'refused', reason: reasonOf(error) };
      }
    },
    useAssertion: useUp,
  };
}
