import type { Environment } from '../http/index.ts';
import type { Limits } from '../limits/index.ts';

/** `web`: confidential, acts for users; `public` (a page) and `native` keep no secret; `service` acts for itself. */
export type ApplicationType = 'web' | 'public' | 'native' | 'service';

export type GrantType =
  | 'authorization_code'
  | 'refresh_token'
  | 'client_credentials'
  | 'urn:ietf:params:oauth:grant-type:jwt-bearer'
  | 'urn:ietf:params:oauth:grant-type:device_code'
  | 'urn:ietf:params:oauth:grant-type:token-exchange';

/** What ID tokens may be signed with (OpenID Connect Registration §2): the usual one first. */
export const ID_TOKEN_ALGORITHMS = ['ES256', 'RS256'] as const;

export type IdTokenAlgorithm = (typeof ID_TOKEN_ALGORITHMS)[number];

/** How a client proves itself (RFC 7591 §2, OpenID Connect Core §9). */
export type ClientAuthMethod =
  | 'client_secret_basic'
  | 'client_secret_post'
  | 'client_secret_jwt'
  | 'private_key_jwt'
  | 'none';

/** An OAuth client. Made once per change and kept: nothing in it may be changed. */
export interface Application {
  /** `app_…`, which is the `client_id`; for a Client ID Metadata Document its URL. */
  readonly id: string;
  /** Null: it registered itself and belongs to none; consent binds it. */
  readonly workspaceId: string | null;
  readonly environment: Environment;
  readonly name: string;
  readonly type: ApplicationType;
  readonly grantTypes: readonly GrantType[];
  /** Null: `client_secret_basic` or `client_secret_post`, as it likes. */
  readonly authMethod: ClientAuthMethod | null;
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris: readonly string[];
  /** Where it is told of sessions that end (OpenID Connect Back-Channel Logout); null: nowhere. */
  readonly backChannelLogoutUri: string | null;
  /** Whether it wants `sid` in what it is told. It is always there. */
  readonly needsSessionAtLogout: boolean;
  /** What it may ask for at most. */
  readonly scopes: readonly string[];
  /** What it asks for when a request names nothing: all of them, unless it registered itself. */
  readonly usualScopes: readonly string[];
  /** Audiences that it may ask tokens for; null: those that offer its scopes. */
  readonly resources: readonly string[] | null;
  readonly requirePkce: boolean;
  readonly consent: 'ask' | 'skip';
  readonly refreshTokens: 'always' | 'offline_access';
  readonly rotatesRefreshTokens: boolean;
  /** Null: as long as the resource says. */
  readonly accessTokenTtlSeconds: number | null;
  readonly idTokenAlgorithm: IdTokenAlgorithm;
  readonly allowsSelfSignedJwt: boolean;
  readonly jwks: Readonly<Record<string, unknown>> | null;
  readonly jwksUri: string | null;
  readonly clientUri: string | null;
  readonly logoUri: string | null;
  readonly policyUri: string | null;
  readonly tosUri: string | null;
  readonly isSelfRegistered: boolean;
  readonly isDisabled: boolean;
  /** Null: its workspace's plan. */
  readonly plan: string | null;
  readonly limits: Limits | null;
}

/** Whether it keeps a secret or a private key (RFC 6749 §2.1). */
export function isConfidential({ authMethod, type }: Pick<Application, 'authMethod' | 'type'>): boolean {
  return authMethod === null ? type === 'web' || type === 'service' : authMethod !== 'none';
}
