// Boundary: thin over node:crypto. Random bytes, digests, HMAC, key derivation, AES-256-GCM and the envelope around it.
// Owns no storage and no protocol: key text lives in @latchkey/protocol, tables in the domains.
export {
  deriveKey,
  digestsEqual,
  hexOfLetters,
  hmacText,
  macKey,
  secretsEqual,
  sha256Hex,
  sha256Letters,
} from './digest.ts';
export { createEnvelope, type EncryptionKey, type Envelope } from './envelope.ts';
export { pooledRandom, type RandomBytes } from './random.ts';
export { seal, unseal } from './seal.ts';
