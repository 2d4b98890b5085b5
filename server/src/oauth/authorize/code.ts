import { createHash } from 'node:crypto';
import type { Actor } from '../../audit/index.ts';
import { sha256Hex } from '../../crypto/index.ts';
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
 * `unknown`, `other_client`, `redirect_uri`, `verifier`: the code is unharmed. `expired`. `withdrawn`: its grant has ended.
 * `used`: it was redeemed before, and what it gave has ended now: the transaction must be committed.
 */
export type CodeRefusal = 'unknown' | 'other_client' | 'redirect_uri' | 'verifier' | 'expired' | 'withdrawn' | 'used';

export type CodeRedemption =
  | { outcome: 'redeemed'; code: AuthorizationCode }
  | { outcome: 'refused'; reason: CodeRefusal };

/** What a token request presents with a code (RFC 6749 §4.1.3, RFC 7636 §4.5). */
export interface PresentedCode {
  text: string;
  clientId: string;
  /** Who presents it, for the record of what that ends. */
  actor: Actor;
  redirectUri: string | null;
  verifier: string | null;
}

/** What a code has given, so that its second use can end it (RFC 6749 §4.1.2). */
export interface GivenByCode {
  codeHash: string;
  familyId: string | null;
  accessTokenId: string;
  accessTokenExpMs: number;
}

const TEXT = /^[\w-]{43}$/;
/** RFC 7636 §4.1. */
const VERIFIER = /^[\w.~-]{43,128}$/;

export const isCodeText = (text: string): boolean => TEXT.test(text);

/** Of the kind and the text: what was made as something else is never found here (security C17). */
export const codeHashOf = (text: string): string => sha256Hex(`authorization_code ${text}`);

/** The challenge that this verifier answers (RFC 7636 §4.6); null when it is none (security C15). */
export function challengeOf(verifier: string): string | null {
  return VERIFIER.test(verifier) ? createHash('sha256').update(verifier, 'ascii').digest('base64url') : null;
}

export interface KnownCode {
  clientId: string;
  redirectUri: string | null;
  codeChallenge: string | null;
  expiresAtMs: number;
  isUsed: boolean;
}

/**
 * Why a code was not redeemed. Whose it is not harms nothing, and what it was bound to is asked before whether it was used:
 * only who could have redeemed it can end what it gave (security C11, C13 to C16). Pure.
 */
export function whyRefused(
  known: KnownCode,
  presented: Pick<PresentedCode, 'clientId' | 'redirectUri'> & { challenge: string | null },
  nowMs: number,
): CodeRefusal {
  if (known.clientId !== presented.clientId) return 'other_client';
  if (known.redirectUri !== presented.redirectUri) return 'redirect_uri';
  if (known.codeChallenge !== presented.challenge) return 'verifier';
  if (known.isUsed) return 'used';
  return known.expiresAtMs <= nowMs ? 'expired' : 'withdrawn';
}
