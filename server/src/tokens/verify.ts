import type { Clock } from '../clock.ts';
import { Failure } from '../failure.ts';
import {
  type JsonObject,
  parseCompactJws,
  readJsonObject,
  type SigningKeys,
  type VerificationKey,
  verifyCompactJws,
} from '../signing-keys/index.ts';
import { ACCESS_TOKEN_TYPE, type AccessTokenClaims, readClaims } from './access-token.ts';
import { isOpaqueText, type OpaqueDeps, readOpaque } from './opaque/index.ts';

/** By how much clocks may differ. */
export const LEEWAY_SECONDS = 30;

/** An access token whose signature is ours and whose claims hold at this moment. Not yet asked: whether it is denied. */
export interface VerifiedAccessToken {
  claims: AccessTokenClaims;
  /** Null: nobody signed it, it is opaque. */
  kid: string | null;
}

export interface VerifyDeps {
  signingKeys: Pick<SigningKeys, 'current'>;
  clock: Clock;
  issuer(): string;
  /** Whether an audience is a resource of this installation. Which one a call is for, is asked by who takes the call. */
  isAudience(audience: string): boolean;
}

/** One refusal for all that comes before the signature: a forger learns nothing from it. */
function notOurs(): Failure {
  return new Failure('invalid_token', 'The access token is not valid.');
}

const HEADER_MEMBERS = new Set(['alg', 'typ', 'kid']);

/**
 * The key that the header names, when the header is one that we write: `alg`, `typ`, `kid`, and nothing else. So keys and
 * addresses in headers, `crit`, `b64` and `zip` end here, and so does every other kind of token.
 */
function keyOf(header: Readonly<Record<string, unknown>>, deps: VerifyDeps): VerificationKey {
  const { alg, typ, kid } = header;
  if (typ !== ACCESS_TOKEN_TYPE || typeof kid !== 'string') throw notOurs();
  if (!Object.keys(header).every((name) => HEADER_MEMBERS.has(name))) throw notOurs();
  const key = deps.signingKeys.current().verifiers.get(kid);
  if (!key || key.algorithm.name !== alg) throw notOurs();
  return key;
}

function refuseTimes({ iat, nbf, exp }: AccessTokenClaims, nowMs: number): void {
  const leewayMs = LEEWAY_SECONDS * 1000;
  if (exp <= iat) throw notOurs();
  if (Math.max(iat, nbf ?? 0) * 1000 > nowMs + leewayMs) {
    throw new Failure('invalid_token', 'The access token is from the future. Are the clocks right?');
  }
  if (isExpired(exp * 1000, nowMs)) throw new Failure('token_expired', 'The access token has expired.');
}

/** Whether a token that expires then is over, clocks being what they are. */
export function isExpired(expiresAtMs: number, nowMs: number): boolean {
  return nowMs >= expiresAtMs + LEEWAY_SECONDS * 1000;
}

/**
 * Verifies an access token of ours: form, header, signature, claims, times. Throws `invalid_token`; `token_expired` and
 * `token_revoked` only for what we have signed.
 */
export function verifyAccessToken(deps: VerifyDeps, text: string): VerifiedAccessToken {
  const jws = parseCompactJws(text);
  if (!jws) throw notOurs();
  const key = keyOf(jws.header, deps);
  if (!verifyCompactJws(jws, key.algorithm, key.publicKey)) throw notOurs();
  if (key.isRevoked) throw new Failure('token_revoked', 'The key that signed this access token has been revoked.');
  return { claims: claimsIn(deps, readJsonObject(jws.payload)), kid: key.kid };
}

function claimsIn(deps: VerifyDeps, payload: JsonObject | null): AccessTokenClaims {
  const claims = payload && readClaims(payload);
  if (!claims || claims.iss !== deps.issuer() || !deps.isAudience(claims.aud)) throw notOurs();
  // Sender-constrained tokens (RFC 9449) are never plain bearer tokens.
  if (payload.cnf !== undefined) throw notOurs();
  refuseTimes(claims, deps.clock.nowMs());
  return claims;
}

/** The same for either format: an opaque one is read, one that is signed verified. */
export async function findAccessToken(
  deps: VerifyDeps & Pick<OpaqueDeps, 'database'>,
  text: string,
): Promise<VerifiedAccessToken> {
  if (!isOpaqueText(text)) return verifyAccessToken(deps, text);
  return { claims: claimsIn(deps, await readOpaque(deps, text)), kid: null };
}
