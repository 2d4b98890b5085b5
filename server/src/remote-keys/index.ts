// Boundary: the public keys of others: of trusted issuers and of applications, from an address (`jwks_uri`) or as they
// were registered (`jwks`). Which keys may be used at all (security F3, F5, F16, H3), and when an address is asked again
// (F6, F7, F8). Keeps them in memory; owns no table. Whose token it is and what it says is decided above.
export { FOREIGN_ALGORITHM_NAMES, type ForeignAlgorithm, isForeignAlgorithm } from './algorithms.ts';
export { problemOfJwks } from './jwk.ts';
export { createRemoteKeys, type KeySource, type RemoteKeys } from './remote-keys.ts';
