// What a Latchkey server and its clients must agree on, as pure functions and data: the text of secrets, ids,
// durations, scopes and what they imply, the catalogue of errors. `vectors/` holds the same facts as JSON, for
// other languages.
// Nothing here reads a clock, draws randomness, or knows HTTP, storage or a runtime: callers pass those in.
// Who may do what is decided by the server's domains; this package only says what the words mean.

export { encodeBase62, type RandomBytes, randomBase62 } from './base62.ts';
export { crc32 } from './crc32.ts';
export { DEFAULT_SCOPES } from './default-scopes.ts';
export { DURATION_PATTERN, formatDuration, parseDurationMs } from './durations.ts';
export {
  docsAnchor,
  ERRORS,
  type ErrorClass,
  type ErrorCode,
  type ErrorDefinition,
  GENERAL_CODES,
  generalCode,
  INVALID_API_KEY_MESSAGE,
  isErrorCode,
} from './errors.ts';
export { LONGEST_SECRET, SECRET_MARK, secretAt } from './find-secrets.ts';
export { ID_PREFIXES, type IdKind, idPattern, idTimeMs, isId, makeId } from './ids.ts';
export {
  containsSecret,
  mintSecret,
  readSecret,
  redactSecrets,
  SECRET_PATTERN,
  SECRET_PATTERN_SOURCE,
  SECRET_PREFIXES,
  type SecretKind,
  type SecretText,
  secretHint,
} from './key-text.ts';
export { isScopeToken, parseScopeString } from './scope-tokens.ts';
export { buildScopeCatalogue, type ScopeCatalogue, type ScopeDefinition, type ScopeKind } from './scopes.ts';
