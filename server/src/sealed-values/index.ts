// Boundary: what is sealed under LATCHKEY_ENCRYPTION_KEYS, across all tables: which keys the values need, whether the
// configured ones open them, and wrapping them anew under the first key. Knows no domain: each one names its columns
// (`SealedColumn`), and `compose.ts` collects them in one list. Sealing and opening is `crypto`'s.
export { type KeyNeed, keyNeeds } from './census.ts';
export type { SealedColumn } from './column.ts';
export { encryptionKeysProblem } from './problem.ts';
export { createRewrapper, type RewrapOptions, type Rewrapped } from './rewrap.ts';
