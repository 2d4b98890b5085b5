// Boundary: which access tokens are refused before their time: single ones by `jti`, and by watermarks all that a user,
// client, grant, session or family was given so far. Owns denied_tokens, token_watermarks. Its size follows
// revocations, not tokens. Whether a token is genuine is asked before, in `verify.ts`.
export {
  createDenials,
  type DeniableToken,
  type Denials,
  SKEW_MS,
  subjectOf,
  type WatermarkKind,
} from './denials.ts';
export { deleteExpiredDenials, EPOCH_NUMBER, heldNumber } from './store.ts';
export { denialsMigrations } from './tables.ts';
