import { createSecretKey, type KeyObject } from 'node:crypto';
import { toTimestamp } from '../clock.ts';
import type { Envelope } from '../crypto/index.ts';
import type { Environment } from '../http/index.ts';
import { FOREIGN_ALGORITHM_NAMES, type ForeignAlgorithm, type KeySource } from '../remote-keys/index.ts';
import type { Resource, Resources } from '../resources/index.ts';
import type { SealedColumn } from '../sealed-values/index.ts';
import type { TrustedIssuerRow } from './tables.ts';

/** The one algorithm with a shared secret. */
export const HMAC = 'HS256';

/** What a trusted issuer may sign with. */
export type IssuerAlgorithm = ForeignAlgorithm | typeof HMAC;

export const ISSUER_ALGORITHMS: readonly IssuerAlgorithm[] = [HMAC, ...FOREIGN_ALGORITHM_NAMES];

/** RFC 7518 §3.2: a key as long as the hash. */
export const LEAST_SECRET_BYTES = 32;

/** Somebody whose JWTs are accepted. Made once per change and kept: nothing in it may be changed. */
export interface TrustedIssuer {
  readonly id: string;
  readonly workspaceId: string;
  readonly environment: Environment;
  /** What `iss` says, byte for byte. */
  readonly issuer: string;
  /** What `aud` says; null: tokens without `aud`. */
  readonly audience: string | null;
  readonly algorithms: readonly IssuerAlgorithm[];
  /** Public keys, or null where a secret is shared. */
  readonly source: KeySource | null;
  readonly secret: KeyObject | null;
  /** The most that its tokens may do. */
  readonly scopes: readonly string[];
  readonly scopeClaim: string | null;
  readonly resourceId: string | null;
}

export function secretContext(id: string): string {
  return `trusted_issuers.secret:${id}`;
}

/** Where this domain keeps what is sealed. */
export const trustedIssuersSealedColumns: readonly SealedColumn[] = [
  { table: 'trusted_issuers', id: 'id', column: 'secret_sealed', context: secretContext },
];

function sourceOf({ jwks_uri: uri, jwks }: TrustedIssuerRow): KeySource | null {
  if (uri !== null) return { uri };
  return jwks === null ? null : { jwks: JSON.parse(jwks) as object };
}

/** Throws when the envelope does not open the secret. */
export function toIssuer(row: TrustedIssuerRow, envelope: Envelope): TrustedIssuer {
  const { secret_sealed: sealed } = row;
  return {
    id: row.id,
    workspaceId: row.workspace_id,
    environment: row.environment,
    issuer: row.issuer,
    audience: row.audience === '' ? null : row.audience,
    algorithms: JSON.parse(row.algorithms) as IssuerAlgorithm[],
    source: sourceOf(row),
    secret: sealed === null ? null : createSecretKey(envelope.unseal(sealed, secretContext(row.id)), 'utf8'),
    scopes: JSON.parse(row.scopes) as string[],
    scopeClaim: row.scope_claim,
    resourceId: row.resource_id,
  };
}

/** The resource that tokens of an issuer count for; undefined when the one that was named is gone. */
export function resourceOf(
  { resourceId, audience }: Pick<TrustedIssuer, 'resourceId' | 'audience'>,
  resources: Resources,
): Resource | undefined {
  if (resourceId !== null) return resources.byId(resourceId);
  const theDefault = resources.default();
  if (audience === null) return theDefault;
  const accepting = resources.all().find(({ acceptedAudiences }) => acceptedAudiences.includes(audience));
  return resources.byAudience(audience) ?? accepting ?? theDefault;
}

/** An issuer as the API shows it: never its secret. */
export function presentIssuer(row: TrustedIssuerRow, resources: Resources) {
  const audience = row.audience === '' ? null : row.audience;
  return {
    id: row.id,
    issuer: row.issuer,
    audience,
    jwks_uri: row.jwks_uri,
    jwks: row.jwks === null ? null : (JSON.parse(row.jwks) as { keys: Record<string, unknown>[] }),
    has_secret: row.secret_sealed !== null,
    algorithms: JSON.parse(row.algorithms) as IssuerAlgorithm[],
    scopes: JSON.parse(row.scopes) as string[],
    scope_claim: row.scope_claim,
    resource: resourceOf({ resourceId: row.resource_id, audience }, resources)?.audience ?? null,
    environment: row.environment,
    workspace_id: row.workspace_id,
    created_by: row.created_by,
    created_at: toTimestamp(row.created_at),
  };
}
