import type { Tx } from '../../database/index.ts';
import type { OAuthFailure } from '../../failure.ts';
import type { Environment } from '../../http/index.ts';
import type { AccessToken, Family } from '../../tokens/index.ts';
import type { LifetimeBounds } from './lifetime.ts';

/** For whom a token speaks, where, and what it may do at most. */
export interface Holder {
  /** `sub`: a user, the client itself, or whom an assertion names. */
  subject: string;
  /** Whose word the subject is, where it is not ours. */
  subjectIssuer?: string | null;
  /** The trusted issuer that this is. */
  trustedIssuerId?: string | null;
  /** The account behind it; null for none. */
  userId: string | null;
  /** What a user allowed who is named, and is not behind it: the token ends with it. */
  grantId?: string;
  workspaceId: string;
  environment: Environment;
  /** The most that the token may hold, as it was granted. */
  held: readonly string[];
  /** The one resource that this was granted for; null: one of the client's. */
  audience: string | null;
}

/** The login behind a user's token (RFC 9068 §2.2.1). */
export interface LoginFacts {
  authTimeMs: number;
  amr: readonly string[];
  nonce: string | null;
  sessionId: string;
}

/** An access token and nothing that outlives it: client credentials, assertions. */
export interface TokenAlone {
  kind: 'token_alone';
  holder: Holder;
  /** Null: as the application or the resource says. */
  lifetime: LifetimeBounds | null;
}

/** The first tokens of a consent: a refresh token too where the application is registered for it. */
export interface FirstOfConsent {
  kind: 'first_of_consent';
  holder: Holder & { userId: string };
  grantId: string;
  login: LoginFacts;
  /** Told in the same transaction what was given. */
  noteGiven(tx: Tx, given: { familyId: string | null; accessToken: AccessToken }): Promise<void>;
}

/** The next tokens of a family. */
export interface NextOfFamily {
  kind: 'next_of_family';
  refreshToken: string;
  /** What the family may do at this moment, looked at anew. Throws `invalid_grant`; then the token is unharmed. */
  lookAgain(tx: Tx, family: Family): Promise<readonly string[]>;
}

/** The next tokens of a login by password, which is no application's. */
export interface NextOfLogin {
  kind: 'next_of_login';
  refreshToken: string;
}

/** A refusal that changed something: it is committed before it is told. */
export interface KeptRefusal {
  kind: 'kept_refusal';
  failure: OAuthFailure;
}
