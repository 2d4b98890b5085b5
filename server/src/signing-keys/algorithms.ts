import { generateKeyPair, type KeyObject, sign, verify } from 'node:crypto';
import { promisify } from 'node:util';
import { derOf, rawOf } from './ecdsa-der.ts';

/** A `alg` of JOSE (RFC 7518 §3.1, RFC 8037 §3.1) that Latchkey signs with. */
export type AlgorithmName = 'ES256' | 'RS256' | 'EdDSA';

export interface KeyPair {
  privateKey: KeyObject;
  publicKey: KeyObject;
}

/** All there is to know of one algorithm. */
export interface Algorithm {
  readonly name: AlgorithmName;
  /** The public members of its JWK, in the order of RFC 7638 §3.2. */
  readonly publicMembers: readonly string[];
  generate(): Promise<KeyPair>;
  /** Whether a key is of its type, curve and strength. */
  fits(key: KeyObject): boolean;
  /** The signature as JWS wants it (RFC 7515). */
  sign(data: Buffer, privateKey: KeyObject): Buffer;
  verify(data: Buffer, signature: Buffer, publicKey: KeyObject): boolean;
}

const generatePair = promisify(generateKeyPair) as (type: string, options?: object) => Promise<KeyPair>;

/** RFC 7518 §3.3: 2048 bits or more. */
const LEAST_RSA_BITS = 2048;

const ES256: Algorithm = {
  name: 'ES256',
  publicMembers: ['crv', 'kty', 'x', 'y'],
  generate: () => generatePair('ec', { namedCurve: 'P-256' }),
  fits: ({ asymmetricKeyType, asymmetricKeyDetails }) =>
    asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1',
  // By DER and a conversion: in Node twice as fast as `dsaEncoding: 'ieee-p1363'`.
  sign: (data, privateKey) => rawOf(sign('sha256', data, privateKey)),
  verify: (data, signature, publicKey) => {
    const der = derOf(signature);
    return der !== null && verify('sha256', data, publicKey, der);
  },
};

const RS256: Algorithm = {
  name: 'RS256',
  publicMembers: ['e', 'kty', 'n'],
  generate: () => generatePair('rsa', { modulusLength: LEAST_RSA_BITS }),
  fits: ({ asymmetricKeyType, asymmetricKeyDetails }) =>
    asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= LEAST_RSA_BITS,
  sign: (data, privateKey) => sign('sha256', data, privateKey),
  verify: (data, signature, publicKey) => verify('sha256', data, publicKey, signature),
};

const EdDSA: Algorithm = {
  name: 'EdDSA',
  publicMembers: ['crv', 'kty', 'x'],
  generate: () => generatePair('ed25519'),
  fits: ({ asymmetricKeyType }) => asymmetricKeyType === 'ed25519',
  sign: (data, privateKey) => sign(null, data, privateKey),
  verify: (data, signature, publicKey) => verify(null, data, publicKey, signature),
};

/** The one table of algorithms. `none` and HMAC are not in it: nothing here is ever signed or verified with them. */
export const ALGORITHMS: Readonly<Record<AlgorithmName, Algorithm>> = { ES256, RS256, EdDSA };

export const ALGORITHM_NAMES = Object.keys(ALGORITHMS) as AlgorithmName[];

export const DEFAULT_ALGORITHM: AlgorithmName = 'ES256';
