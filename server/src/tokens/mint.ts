import { makeId } from '@latchkey/protocol';
import type { Clock } from '../clock.ts';
import type { RandomBytes } from '../crypto/index.ts';
import type { Tx } from '../database/index.ts';
import type { Environment } from '../http/index.ts';
import {
  type AlgorithmName,
  DEFAULT_ALGORITHM,
  LONGEST_TOKEN_SECONDS,
  type SigningKeys,
} from '../signing-keys/index.ts';
import { ACCESS_TOKEN_TYPE, type AccessTokenClaims } from './access-token.ts';
import { keepOpaque, type OpaqueDeps } from './opaque/index.ts';

/** What a new access token is to say. */
export interface AccessTokenRequest {
  /** A user's id, or the client's own where no user is behind it. */
  subject: string;
  /** `FIRST_PARTY_CLIENT` for a login. */
  clientId: string;
  /** The one resource that it is for. */
  audience: string;
  /** As they were granted, in that order. */
  scopes: readonly string[];
  workspaceId: string;
  environment: Environment;
  /**
   * `Tokens.epoch()`, taken before whatever allows this token was looked at: what is ended after that look refuses the
   * token, however long the look took.
   */
  epoch: number;
  /** 1 to 86,400; what the resource says unless said. */
  ttlSeconds?: number | null | undefined;
  /** What the resource says unless said. */
  algorithm?: AlgorithmName | null | undefined;
  grantId?: string | null;
  sessionId?: string | null;
  /** Whose word the subject is, where it is a trusted issuer's. */
  trustedIssuerId?: string | null;
  familyId?: string | null;
  /** Further claims, such as `auth_time`, `acr`, `act`; none of ours can be replaced. */
  extraClaims?: Readonly<Record<string, unknown>>;
}

/** An access token; its text is kept nowhere. */
export interface AccessToken {
  text: string;
  /** Its `jti`. */
  id: string;
  expiresAtMs: number;
  expiresInSeconds: number;
}

export interface MintDeps {
  signingKeys: Pick<SigningKeys, 'signer'>;
  clock: Clock;
  randomBytes: RandomBytes;
  issuer(): string;
  /** What the tokens of an audience are like; undefined where it is none of this installation. */
  resourceOf(audience: string): TokenResource | undefined;
}

/** What a resource says of its tokens (contract §6). */
export interface TokenResource {
  readonly accessTokenTtlSeconds: number;
  readonly signingAlg: AlgorithmName;
  readonly tokenFormat: 'jwt' | 'opaque';
}

const DEFAULT_TTL_SECONDS = 900;

function claimsOf(
  request: AccessTokenRequest,
  issuer: string,
  jti: string,
  iat: number,
  exp: number,
): AccessTokenClaims {
  const { grantId, sessionId, familyId, trustedIssuerId } = request;
  return {
    ...request.extraClaims,
    iss: issuer,
    sub: request.subject,
    aud: request.audience,
    client_id: request.clientId,
    iat,
    exp,
    jti,
    scope: request.scopes.join(' '),
    workspace_id: request.workspaceId,
    environment: request.environment,
    epoch: request.epoch,
    ...(grantId ? { grant_id: grantId } : {}),
    ...(sessionId ? { sid: sessionId } : {}),
    ...(trustedIssuerId ? { trusted_issuer_id: trustedIssuerId } : {}),
    ...(familyId ? { family_id: familyId } : {}),
  };
}

/** What a new token says. Throws RangeError for a lifetime that no resource allows. */
function newClaims(deps: MintDeps, request: AccessTokenRequest): AccessTokenClaims {
  const resource = deps.resourceOf(request.audience);
  const ttlSeconds = request.ttlSeconds ?? resource?.accessTokenTtlSeconds ?? DEFAULT_TTL_SECONDS;
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > LONGEST_TOKEN_SECONDS) {
    throw new RangeError(`an access token lives 1 to ${LONGEST_TOKEN_SECONDS} seconds`);
  }
  const nowMs = deps.clock.nowMs();
  const id = makeId('access_token', nowMs, deps.randomBytes);
  // Rounded down: a verifier must not find it issued in the future.
  const iat = Math.floor(nowMs / 1000);
  return claimsOf(request, deps.issuer(), id, iat, iat + ttlSeconds);
}

const tokenOf = (text: string, { jti, iat, exp }: AccessTokenClaims): AccessToken => ({
  text,
  id: jti,
  expiresAtMs: exp * 1000,
  expiresInSeconds: exp - iat,
});

function sign(deps: MintDeps, request: AccessTokenRequest, claims: AccessTokenClaims): string {
  const algorithm = request.algorithm ?? deps.resourceOf(request.audience)?.signingAlg ?? DEFAULT_ALGORITHM;
  return deps.signingKeys.signer(algorithm).sign(ACCESS_TOKEN_TYPE, claims);
}

/** Signs an access token (RFC 9068). Throws `unavailable` while no key of the algorithm signs, RangeError for a lifetime that no resource allows. */
export function mintAccessToken(deps: MintDeps, request: AccessTokenRequest): AccessToken {
  const claims = newClaims(deps, request);
  return tokenOf(sign(deps, request, claims), claims);
}

/**
 * An access token in the format of its resource (contract §6): an opaque one is on disk before it is returned, in this
 * transaction or else in one of its own. Throws as `mintAccessToken`.
 */
export async function issueAccessToken(
  deps: MintDeps & OpaqueDeps,
  tx: Tx | null,
  request: AccessTokenRequest,
): Promise<AccessToken> {
  const claims = newClaims(deps, request);
  const isOpaque = deps.resourceOf(request.audience)?.tokenFormat === 'opaque';
  return tokenOf(isOpaque ? await keepOpaque(deps, tx, claims) : sign(deps, request, claims), claims);
}
