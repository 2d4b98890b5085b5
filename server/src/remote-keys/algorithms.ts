import type { KeyObject } from 'node:crypto';

/** RFC 7518 §3.3: 2048 bits or more. Beyond the upper bound, verifying is work that a stranger chooses. */
const LEAST_RSA_BITS = 2048;
const MOST_RSA_BITS = 8192;

const isRsa = ({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject) => {
  const bits = asymmetricKeyDetails?.modulusLength ?? 0;
  return asymmetricKeyType === 'rsa' && bits >= LEAST_RSA_BITS && bits <= MOST_RSA_BITS;
};

const isCurve = (namedCurve: string) => (key: KeyObject) =>
  key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === namedCurve;

/** Which keys each algorithm may use (RFC 7518 §3.1, RFC 8037 §3.1): decided by the key, never by a token. */
const FITTING = {
  ES256: isCurve('prime256v1'),
  ES384: isCurve('secp384r1'),
  ES512: isCurve('secp521r1'),
  RS256: isRsa,
  RS384: isRsa,
  RS512: isRsa,
  PS256: isRsa,
  PS384: isRsa,
  PS512: isRsa,
  EdDSA: ({ asymmetricKeyType }: KeyObject) => asymmetricKeyType === 'ed25519',
} satisfies Record<string, (key: KeyObject) => boolean>;

/** A `alg` that others may sign with under a private key. `none` and HMAC are none of them. */
export type ForeignAlgorithm = keyof typeof FITTING;

export const FOREIGN_ALGORITHM_NAMES = Object.keys(FITTING) as ForeignAlgorithm[];

export function isForeignAlgorithm(name: unknown): name is ForeignAlgorithm {
  return typeof name === 'string' && Object.hasOwn(FITTING, name);
}

/** Whether a key is of the type, curve and strength of an algorithm. */
export function fits(key: KeyObject, algorithm: ForeignAlgorithm): boolean {
  return FITTING[algorithm](key);
}
