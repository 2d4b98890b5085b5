import type { AlgorithmName } from '../signing-keys/index.ts';

/** An API that tokens are for (RFC 8707, RFC 9068). */
export interface Resource {
  readonly id: string;
  readonly name: string;
  /** What `aud` says. */
  readonly audience: string;
  readonly tokenFormat: 'jwt' | 'opaque';
  readonly signingAlg: AlgorithmName;
  /** 300 to 86,400. */
  readonly accessTokenTtlSeconds: number;
  /** Further strings that others' JWTs may be addressed to. */
  readonly acceptedAudiences: readonly string[];
  /** The one that a token is for when nobody names another. */
  readonly isDefault: boolean;
}

export const DEFAULT_TTL_SECONDS = 900;
export const SHORTEST_TTL_SECONDS = 300;
export const LONGEST_TTL_SECONDS = 86_400;

/** All resources, in memory and live. */
export interface Resources {
  byAudience(audience: string): Resource | undefined;
  byId(id: string): Resource | undefined;
  default(): Resource;
  all(): readonly Resource[];
  /** Whose scope it is; the default one's unless the catalogue says otherwise. */
  offering(scope: string): Resource;
  load(): Promise<void>;
  /** Hears when one of them has changed. */
  onReload(listener: () => void): void;
}
