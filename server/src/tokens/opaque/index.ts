// Boundary: access tokens that tell nobody anything (`lk_at_…`), for resources that want them: kept as the claims that a
// JWT would have, under the SHA-256 of their text. Owns opaque_tokens. Whether one was ended before its time is asked of
// `denials` by its `jti`, as of any other.
export { isOpaqueText, keepOpaque, type OpaqueDeps, readOpaque } from './opaque.ts';
export { deleteOldOpaque, deleteSomeOpaque } from './store.ts';
export { opaqueMigrations } from './tables.ts';
