import { createPublicKey, type KeyObject } from 'node:crypto';
import { FOREIGN_ALGORITHM_NAMES, type ForeignAlgorithm, fits, isForeignAlgorithm } from './algorithms.ts';

/** A key of somebody else's that may verify. */
export interface ForeignKey {
  readonly kid: string | null;
  readonly publicKey: KeyObject;
  /** Its own `alg`; null: whatever its type allows (security F3). */
  readonly algorithm: ForeignAlgorithm | null;
}

/** More than anybody publishes, and little to search. */
const MOST_KEYS = 100;
const LONGEST_KID = 500;

/** RFC 7518 §6.2.2, §6.3.2, §6.4; RFC 8037 §2: whoever shows these has given the key away. */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
/** What a public key consists of, by `kty`; all else in a JWK is not given to the parser. */
const PUBLIC_MEMBERS: ReadonlyMap<unknown, readonly string[]> = new Map([
  ['EC', ['crv', 'x', 'y']],
  ['RSA', ['e', 'n']],
  ['OKP', ['crv', 'x']],
]);

type Jwk = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Jwk => typeof value === 'object' && value !== null && !Array.isArray(value);

function publicKeyOf(jwk: Jwk): KeyObject | null {
  const members = PUBLIC_MEMBERS.get(jwk.kty);
  if (!members?.every((name) => typeof jwk[name] === 'string')) return null;
  const key = Object.fromEntries([['kty', jwk.kty], ...members.map((name) => [name, jwk[name]])]);
  try {
    return createPublicKey({ key, format: 'jwk' });
  } catch {
    return null;
  }
}

/** A key, or what is wrong with it: a sentence without subject. */
function readJwk(jwk: unknown): ForeignKey | string {
  if (!isObject(jwk)) return 'is no object';
  if (jwk.kty === 'oct') return 'is symmetric; register it as a secret';
  if (PRIVATE_MEMBERS.some((name) => jwk[name] !== undefined)) return 'holds private members; publish the public half';
  const { kid = null, use = 'sig', key_ops: operations = ['verify'], alg: algorithm = null } = jwk;
  if (kid !== null && (typeof kid !== 'string' || kid.length > LONGEST_KID)) return 'has a kid that is no text';
  if (use !== 'sig') return 'is not for signatures (use)';
  if (!Array.isArray(operations) || !operations.includes('verify')) return 'is not for verifying (key_ops)';
  if (algorithm !== null && !isForeignAlgorithm(algorithm)) return 'has an alg that is not supported';
  const publicKey = publicKeyOf(jwk);
  if (!publicKey) return 'is no public key of type EC, RSA or OKP';
  const names = algorithm === null ? FOREIGN_ALGORITHM_NAMES : [algorithm];
  if (!names.some((name) => fits(publicKey, name))) return 'is too weak, or of a curve that is not supported';
  return { kid, publicKey, algorithm };
}

function keysIn(jwks: unknown): readonly unknown[] | null {
  return isObject(jwks) && Array.isArray(jwks.keys) && jwks.keys.length <= MOST_KEYS ? jwks.keys : null;
}

/** The keys of a set that may verify (RFC 7517 §5: others are passed over); null when it is no set. */
export function readJwks(jwks: unknown): readonly ForeignKey[] | null {
  return (
    keysIn(jwks)
      ?.map(readJwk)
      .filter((key) => typeof key !== 'string') ?? null
  );
}

/**
 * What is wrong with a set that somebody registers: every key of it must be one that may verify, and no two alike. A
 * sentence without subject, or null.
 */
export function problemOfJwks(jwks: unknown): string | null {
  const keys = keysIn(jwks);
  if (!keys || keys.length === 0) return `must be {"keys":[…]} with 1 to ${MOST_KEYS} public keys (RFC 7517)`;
  const read = keys.map(readJwk);
  const wrong = read.findIndex((key) => typeof key === 'string');
  if (wrong !== -1) return `has a key (number ${wrong + 1}) that ${String(read[wrong])}`;
  const kids = read.map((key) => (typeof key === 'string' ? null : key.kid)).filter((kid) => kid !== null);
  return new Set(kids).size < kids.length ? 'uses one kid twice' : null;
}

/**
 * The one key that a header names; null when there is none, or more than one. A header without `kid` is for a set that
 * has only one key which fits (security F5).
 */
export function pickKey(keys: readonly ForeignKey[], kid: unknown, alg: ForeignAlgorithm): KeyObject | null {
  if (kid !== undefined && typeof kid !== 'string') return null;
  const fitting = keys.filter(
    (key) =>
      (kid === undefined || key.kid === kid) &&
      (key.algorithm === null || key.algorithm === alg) &&
      fits(key.publicKey, alg),
  );
  return fitting.length === 1 ? (fitting[0]?.publicKey ?? null) : null;
}
