import { createPrivateKey, type KeyObject } from 'node:crypto';
import type { Envelope } from '../crypto/index.ts';
import { ALGORITHMS, type Algorithm, type AlgorithmName } from './algorithms.ts';
import { createCompactSigner } from './compact-jws.ts';
import { isPublished, jwkOf, privateKeyContext, publicKeyOf } from './key.ts';
import type { SigningKeyRow } from './tables.ts';

/** A key that signs. */
export interface Signer {
  readonly kid: string;
  readonly algorithm: AlgorithmName;
  /** A compact JWS over the claims; `typ` says what kind of token it is. */
  sign(typ: string, claims: object): string;
}

/** A key that tokens may name. */
export interface VerificationKey {
  readonly kid: string;
  readonly algorithm: Algorithm;
  readonly publicKey: KeyObject;
  /** It is refused, and a token of its is told so. */
  readonly isRevoked: boolean;
}

/** All keys at one moment; replaced whole when one of them changes. */
export interface KeySet {
  readonly rows: readonly SigningKeyRow[];
  /** The active key of each algorithm in use. */
  readonly signers: ReadonlyMap<AlgorithmName, Signer>;
  /** By `kid`: next, active, previous, and those revoked whose tokens have not all expired. */
  readonly verifiers: ReadonlyMap<string, VerificationKey>;
}

const ORDER: SigningKeyRow['state'][] = ['active', 'next', 'previous', 'revoked'];

/** The body of `/.well-known/jwks.json` (RFC 7517 §5) at a moment. */
export function jwksOf({ rows }: KeySet, nowMs: number): { keys: Record<string, string>[] } {
  const published = rows.filter((row) => isPublished(row, nowMs));
  const sorted = [...published].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state));
  return { keys: sorted.map(jwkOf) };
}

function signerOf(row: SigningKeyRow, envelope: Envelope): Signer {
  const { kid, algorithm, private_key_sealed: sealed } = row;
  if (sealed === null) throw new Error(`the signing key ${kid} has no private half`);
  const privateKey = createPrivateKey(envelope.unseal(sealed, privateKeyContext(kid)));
  return { kid, algorithm, sign: createCompactSigner(ALGORITHMS[algorithm], kid, privateKey) };
}

export const NO_KEYS: KeySet = { rows: [], signers: new Map(), verifiers: new Map() };

/** Throws when the envelope does not open a private key. */
export function keySetOf(rows: readonly SigningKeyRow[], envelope: Envelope): KeySet {
  const active = rows.filter(({ state }) => state === 'active');
  const verifier = (row: SigningKeyRow): VerificationKey => ({
    kid: row.kid,
    algorithm: ALGORITHMS[row.algorithm],
    publicKey: publicKeyOf(row),
    isRevoked: row.state === 'revoked',
  });
  return {
    rows,
    signers: new Map(active.map((row) => [row.algorithm, signerOf(row, envelope)])),
    verifiers: new Map(rows.map((row) => [row.kid, verifier(row)])),
  };
}
