import type { Environment } from '../http/index.ts';
import type { Limits } from '../limits/index.ts';

/** An application as far as JWTs that it signs by itself are concerned. */
export interface SelfIssuer {
  readonly clientId: string;
  /** Null: it belongs to no workspace, and signs for none. */
  readonly workspaceId: string | null;
  readonly environment: Environment;
  readonly isDisabled: boolean;
  /** Whether what it signs is a credential by itself. */
  readonly allowsSelfSignedJwt: boolean;
  /** What it may do at most. */
  readonly scopes: readonly string[];
  /** Audiences that it may speak to; null: every one. */
  readonly resources: readonly string[] | null;
  /** Its living secrets as they were shown, for HS256; empty where it keeps none for this. */
  readonly secrets: readonly { readonly text: string; readonly expiresAtMs: number | null }[];
  readonly jwks: object | null;
  readonly jwksUri: string | null;
  readonly plan: string | null;
  readonly limits: Limits | null;
}

/**
 * Where applications' keys and secrets come from (`applications`, wired in `compose.ts`). Null when there is no such
 * application. A change of what it answers is recorded in `changes` under the `client_id`.
 */
export type SelfIssuedKeys = (clientId: string) => Promise<SelfIssuer | null>;
