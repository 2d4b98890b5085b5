export type ResponseMode = 'query' | 'form_post';

/** OpenID Connect Core §3.1.2.1. */
export const PROMPTS = ['none', 'login', 'consent', 'select_account'] as const;
export type Prompt = (typeof PROMPTS)[number];

/** Where an answer goes to: known once the client is known and its redirect URI fits. */
export interface ReturnAddress {
  readonly clientId: string;
  readonly redirectUri: string;
  readonly state: string | null;
  readonly responseMode: ResponseMode;
}

/** An authorization request that every step let pass: plain values, as they are stored while somebody signs in. */
export interface AuthorizationRequest extends ReturnAddress {
  /** As the request named it; null when it left it out. */
  readonly namedRedirectUri: string | null;
  /** Known ones, and no more than the application may ask for. */
  readonly scopes: readonly string[];
  readonly audience: string;
  readonly codeChallenge: string | null;
  readonly nonce: string | null;
  readonly prompts: readonly Prompt[];
  readonly maxAgeSeconds: number | null;
  /** Whom the application believes to be here, by an ID token of ours. */
  readonly hintedUserId: string | null;
  /** What to offer as the name to sign in by. */
  readonly loginHint: string | null;
}
