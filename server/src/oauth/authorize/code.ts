import type { Environment } from '../../http/index.ts';

/** How long a code may be redeemed (contract §6). */
export const CODE_TTL_MS = 60_000;

/** What an authorization code stands for. Of its text only the SHA-256 is kept. */
export interface AuthorizationCode {
  readonly codeHash: string;
  readonly clientId: string;
  readonly userId: string;
  readonly grantId: string;
  readonly workspaceId: string;
  readonly environment: Environment;
  /** The session that it was given in, for `sid`. */
  readonly sessionId: string;
  /** As the request named it; null when the request left it out. */
  readonly redirectUri: string | null;
  readonly scopes: readonly string[];
  readonly audience: string;
  /** S256 challenge (RFC 7636 §4.2); null where none was sent. */
  readonly codeChallenge: string | null;
  readonly nonce: string | null;
  readonly authTimeMs: number;
  /** `amr` of the login (RFC 8176). */
  readonly methods: readonly string[];
  readonly expiresAtMs: number;
}

/**
 * `unknown`, `other_client`, `redirect_uri`, `verifier`: the code is unharmed. `expired`. `used`: it was redeemed before,
 * and what it gave has ended now: the transaction must be committed.
 */
export type CodeRefusal = 'unknown' | 'other_client' | 'redirect_uri' | 'verifier' | 'expired' | 'used';

export type CodeRedemption =
  | { outcome: 'redeemed'; code: AuthorizationCode }
  | { outcome: 'refused'; reason: CodeRefusal };

/** What a token request presents with a code (RFC 6749 §4.1.3, RFC 7636 §4.5). */
export interface PresentedCode {
  text: string;
  clientId: string;
  redirectUri: string | null;
  verifier: string | null;
}
