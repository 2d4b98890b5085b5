// Boundary: the key pairs behind our tokens: one table of algorithms; next, active and previous key of each in use;
// publication before use, rotation by plan and in an emergency; JWKS. Owns signing_keys. Here too: the one place of
// compact JWS. What a token says, and whether it is still good, is decided in `tokens`.
export { ALGORITHM_NAMES, ALGORITHMS, type Algorithm, type AlgorithmName, DEFAULT_ALGORITHM } from './algorithms.ts';
export {
  createCompactSigner,
  type JsonObject,
  MAX_JWS_LENGTH,
  type ParsedJws,
  parseCompactJws,
  readJsonObject,
  verifyCompactJws,
} from './compact-jws.ts';
export { LONGEST_TOKEN_SECONDS, signingKeysSealedColumns } from './key.ts';
export type { KeySet, Signer, VerificationKey } from './key-set.ts';
export { type SigningKeyRoutesDeps, signingKeyRoutes } from './routes.ts';
export { createSigningKeys, type SigningKeys } from './signing-keys.ts';
export { deleteAllKeys } from './store.ts';
export { signingKeysMigrations } from './tables.ts';
