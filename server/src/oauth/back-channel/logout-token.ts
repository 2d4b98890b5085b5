import type { IdTokenAlgorithm } from '../../applications/index.ts';
import type { Clock } from '../../clock.ts';
import type { SigningKeys } from '../../signing-keys/index.ts';

/** `typ` of a logout token (OpenID Connect Back-Channel Logout §2.4). No other kind of token has it. */
export const LOGOUT_TOKEN_TYPE = 'logout+jwt';

export const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';

/** §2.4: at most two minutes. Each try has a token of its own. */
export const LOGOUT_TOKEN_TTL_SECONDS = 120;

export interface LogoutTokenDeps {
  signingKeys: Pick<SigningKeys, 'signer'>;
  clock: Clock;
  issuer(): string;
}

export interface EndedSession {
  clientId: string;
  /** What its ID tokens are signed with. */
  algorithm: IdTokenAlgorithm;
  userId: string;
  /** As the ID token said. */
  sid: string;
  jti: string;
}

/** Signs a logout token, for one application alone. It never has a `nonce`. Throws `unavailable` while no key signs. */
export function mintLogoutToken({ signingKeys, clock, issuer }: LogoutTokenDeps, ended: EndedSession): string {
  const { clientId, algorithm, userId, sid, jti } = ended;
  const iat = Math.floor(clock.nowMs() / 1000);
  return signingKeys.signer(algorithm).sign(LOGOUT_TOKEN_TYPE, {
    iss: issuer(),
    sub: userId,
    aud: clientId,
    iat,
    exp: iat + LOGOUT_TOKEN_TTL_SECONDS,
    jti,
    sid,
    events: { [LOGOUT_EVENT]: {} },
  });
}
