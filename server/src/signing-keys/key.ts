import { createPublicKey, hash, type KeyObject } from 'node:crypto';
import { toTimestamp } from '../clock.ts';
import type { Envelope } from '../crypto/index.ts';
import type { SealedColumn } from '../sealed-values/index.ts';
import { ALGORITHMS, type AlgorithmName } from './algorithms.ts';
import type { SigningKeyRow } from './tables.ts';

/** What verifiers may keep the published keys for, unasked. */
export const JWKS_MAX_AGE_SECONDS = 300;

/** How long a key is published before it may sign: a cache lifetime, and a minute for whoever is late. */
export const PUBLISHED_FIRST_MS = (JWKS_MAX_AGE_SECONDS + 60) * 1000;

export const ROTATION_INTERVAL_MS = 30 * 24 * 3_600_000;

/** The longest lifetime that an access token may have. */
export const LONGEST_TOKEN_SECONDS = 86_400;

/** The largest leeway that any verifier may grant, and a minute for a process that signs a moment too long. */
const LATE_MS = (300 + 60) * 1000;

/** When the last token of a key that signs no more has expired for everybody. */
export function lastTokenGoneMs(retiredAtMs: number): number {
  return retiredAtMs + LONGEST_TOKEN_SECONDS * 1000 + LATE_MS;
}

/** RFC 7638: SHA-256 of the required members in their order. */
export function thumbprintOf(algorithm: AlgorithmName, jwk: Readonly<Record<string, unknown>>): string {
  const members = ALGORITHMS[algorithm].publicMembers.map((name) => [name, jwk[name]]);
  return hash('sha256', JSON.stringify(Object.fromEntries(members)), 'base64url');
}

export function privateKeyContext(kid: string): string {
  return `signing_keys.private_key:${kid}`;
}

/** Where this domain keeps what is sealed. */
export const signingKeysSealedColumns: readonly SealedColumn[] = [
  { table: 'signing_keys', id: 'kid', column: 'private_key_sealed', context: privateKeyContext },
];

/** Makes a key pair: its row, sealed. RSA takes a while; nothing waits for it but the caller. */
export async function newKeyRow(
  algorithm: AlgorithmName,
  envelope: Envelope,
  values: Pick<SigningKeyRow, 'state' | 'created_at' | 'active_at'>,
): Promise<SigningKeyRow> {
  const { publicKey, privateKey } = await ALGORITHMS[algorithm].generate();
  const full = publicKey.export({ format: 'jwk' }) as Record<string, unknown>;
  const jwk = Object.fromEntries(ALGORITHMS[algorithm].publicMembers.map((name) => [name, full[name]]));
  const kid = thumbprintOf(algorithm, jwk);
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  return {
    kid,
    algorithm,
    public_jwk: JSON.stringify(jwk),
    private_key_sealed: envelope.seal(pem, privateKeyContext(kid)),
    retired_at: null,
    expires_at: null,
    ...values,
  };
}

export function publicKeyOf({ public_jwk: json }: Pick<SigningKeyRow, 'public_jwk'>): KeyObject {
  return createPublicKey({ key: JSON.parse(json), format: 'jwk' });
}

/** A published key as JWKS shows it (RFC 7517): public members only. */
export function jwkOf({ kid, algorithm, public_jwk: json }: SigningKeyRow): Record<string, string> {
  return { ...(JSON.parse(json) as Record<string, string>), kid, alg: algorithm, use: 'sig' };
}

/** Which keys verifiers are told of: a revoked one is none of them. */
export function isPublished({ state, expires_at: expiresAtMs }: SigningKeyRow, nowMs: number): boolean {
  return state !== 'revoked' && (expiresAtMs === null || expiresAtMs > nowMs);
}

/** A key as the API shows it. */
export function presentKey(row: SigningKeyRow) {
  return {
    id: row.kid,
    algorithm: row.algorithm,
    state: row.state,
    created_at: toTimestamp(row.created_at),
    active_at: toTimestamp(row.active_at),
    retired_at: toTimestamp(row.retired_at),
    expires_at: toTimestamp(row.expires_at),
    pem: publicKeyOf(row).export({ type: 'spki', format: 'pem' }) as string,
    jwk: jwkOf(row),
  };
}

/** What is to be done with the keys of one algorithm. */
export interface Duty {
  algorithm: AlgorithmName;
  /** `promote`: the next begins to sign. `prepare`: there is no next yet. */
  deed: 'promote' | 'prepare';
}

function dutyOf(rows: readonly SigningKeyRow[], nowMs: number): Duty['deed'] | null {
  const active = rows.find(({ state }) => state === 'active');
  const next = rows.find(({ state }) => state === 'next');
  if (!next) return active ? 'prepare' : null;
  if (nowMs < next.created_at + PUBLISHED_FIRST_MS) return null;
  const isScheduled = next.active_at !== null && next.active_at <= nowMs;
  const isOld = active !== undefined && nowMs >= (active.active_at ?? 0) + ROTATION_INTERVAL_MS;
  return isScheduled || isOld ? 'promote' : null;
}

/** What is due now, by itself: rotation each thirty days, what was scheduled, a next key where there is none. Pure. */
export function dutiesAt(rows: readonly SigningKeyRow[], nowMs: number): Duty[] {
  const algorithms = [...new Set(rows.map(({ algorithm }) => algorithm))];
  return algorithms.flatMap((algorithm) => {
    const deed = dutyOf(
      rows.filter((row) => row.algorithm === algorithm),
      nowMs,
    );
    return deed === null ? [] : [{ algorithm, deed }];
  });
}
