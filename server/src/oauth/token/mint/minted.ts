import type { Environment } from '../../../http/index.ts';
import type { AccessToken } from '../../../tokens/index.ts';

/** The login that an ID token tells of. */
export interface ToldLogin {
  nonce: string | null;
  /** Seconds since 1970. */
  authTime: number | null;
  amr: readonly string[];
  sessionId: string | null;
}

/** What was made. None of it is told before it is on disk. */
export interface Minted {
  kind: 'minted';
  accessToken: AccessToken;
  /** Its text. */
  refreshToken: string | null;
  scopes: readonly string[];
  audience: string;
  workspaceId: string;
  environment: Environment;
  /** The account behind it; null for none. */
  userId: string | null;
  familyId: string | null;
  /** What the user allowed who is behind it, or named by it; null for none. */
  grantId: string | null;
  /** Null where no user is behind it. */
  login: ToldLogin | null;
  /** The same answer again, for who asked twice. */
  isRetry: boolean;
}
