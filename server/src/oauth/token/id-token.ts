import { createHash } from 'node:crypto';
import { acrOf } from '../../accounts/index.ts';
import type { IdTokenAlgorithm } from '../../applications/index.ts';
import type { Clock } from '../../clock.ts';
import type { SigningKeys } from '../../signing-keys/index.ts';
import type { Claims } from '../userinfo/claims.ts';

/** `typ` of an ID token. An access token is `at+jwt`: neither passes for the other. */
export const ID_TOKEN_TYPE = 'JWT';

/** Told when somebody signed in; it opens nothing, so it need not live longer than a client takes to read it. */
export const ID_TOKEN_TTL_SECONDS = 3600;

export interface IdTokenRequest {
  clientId: string;
  /** What the client is registered for. */
  algorithm: IdTokenAlgorithm;
  /** About the person, with `sub`. */
  claims: Claims;
  /** As the authorization request had it; null for none, and for a refreshed token (OpenID Connect Core §12.2). */
  nonce: string | null;
  /** Seconds since 1970. */
  authTime: number | null;
  /** RFC 8176. */
  amr: readonly string[];
  /** The session that it was given in (OpenID Connect Front-Channel Logout §3). */
  sessionId: string | null;
  /** The text of the access token beside it. */
  accessToken: string;
}

export interface IdTokenDeps {
  signingKeys: Pick<SigningKeys, 'signer'>;
  clock: Clock;
  issuer(): string;
}

/** OpenID Connect Core §3.1.3.6: the left half of the hash of the token's ASCII text, by the hash of the ID token's algorithm: SHA-256 for each of ours. */
export function accessTokenHash(accessToken: string): string {
  const digest = createHash('sha256').update(accessToken, 'ascii').digest();
  return digest.subarray(0, digest.length / 2).toString('base64url');
}

/** Signs an ID token (OpenID Connect Core §2). Throws `unavailable` while no key signs. */
export function mintIdToken({ signingKeys, clock, issuer }: IdTokenDeps, request: IdTokenRequest): string {
  const { clientId, claims, nonce, authTime, amr, sessionId, accessToken } = request;
  // Rounded down: a verifier must not find it issued in the future.
  const iat = Math.floor(clock.nowMs() / 1000);
  return signingKeys.signer(request.algorithm).sign(ID_TOKEN_TYPE, {
    ...claims,
    iss: issuer(),
    aud: clientId,
    azp: clientId,
    iat,
    exp: iat + ID_TOKEN_TTL_SECONDS,
    at_hash: accessTokenHash(accessToken),
    ...(nonce === null ? {} : { nonce }),
    ...(authTime === null ? {} : { auth_time: authTime }),
    ...(amr.length === 0 ? {} : { acr: acrOf(amr), amr }),
    ...(sessionId === null ? {} : { sid: sessionId }),
  });
}
