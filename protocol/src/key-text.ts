import { decodeBase62, encodeBase62, isBase62From, type RandomBytes, randomBase62 } from './base62.ts';
import { crc32 } from './crc32.ts';

/** What each kind of secret begins with. No prefix is the beginning of another. */
export const SECRET_PREFIXES = {
  secret_test: 'sk_test_',
  secret_live: 'sk_live_',
  restricted_test: 'rk_test_',
  restricted_live: 'rk_live_',
  root: 'lk_root_',
  client_secret: 'lk_cs_',
  access_token: 'lk_at_',
  refresh_token: 'lk_rt_',
  registration_token: 'lk_rat_',
} as const;

export type SecretKind = keyof typeof SECRET_PREFIXES;

/** A secret that was read: its kind and its whole text. */
export type SecretText = { kind: SecretKind; text: string };

const RANDOM_LENGTH = 40;
const CHECKSUM_LENGTH = 6;
const KINDS = Object.entries(SECRET_PREFIXES) as [SecretKind, string][];

/** How long a secret with each prefix is, in characters. */
export const SECRET_LENGTHS: ReadonlyMap<string, number> = new Map(
  KINDS.map(([, prefix]) => [prefix, prefix.length + RANDOM_LENGTH + CHECKSUM_LENGTH]),
);

/** What a secret scanner looks for, as the source of a regular expression. The checksum tells true finds from others. */
export const SECRET_PATTERN_SOURCE: string = String.raw`\b(?:[sr]k_(?:test|live)|lk_(?:root|cs|at|rt|rat))_[0-9A-Za-z]{46}\b`;

/** `SECRET_PATTERN_SOURCE` compiled, without the `g` flag: it keeps no state between calls. */
export const SECRET_PATTERN: RegExp = new RegExp(SECRET_PATTERN_SOURCE);

// No word boundaries: `key%3Dsk_test_…` and two secrets in a row have none, and must not reach a log either.
const HIDDEN = /([sr]k_(?:test|live)_|lk_(?:root|cs|at|rt|rat)_)[0-9A-Za-z]{46}/;
const EVERY_HIDDEN = new RegExp(HIDDEN, 'g');

/**
 * Makes a new secret: prefix, 40 random base62 letters (238 bits), 6 base62 letters of the CRC-32 of all before them.
 * `randomBytes` must be a cryptographic source.
 */
export function mintSecret(kind: SecretKind, randomBytes: RandomBytes): string {
  const head = SECRET_PREFIXES[kind] + randomBase62(RANDOM_LENGTH, randomBytes);
  return head + encodeBase62(crc32(head), CHECKSUM_LENGTH);
}

function kindByPrefix(text: string): SecretKind | undefined {
  // Every prefix has `k_` second; a JWT or another maker's key leaves here.
  if (text.charCodeAt(1) !== 0x6b || text.charCodeAt(2) !== 0x5f) return undefined;
  return KINDS.find(([, prefix]) => text.startsWith(prefix))?.[0];
}

/**
 * Says what a presented text is, without any lookup: its kind when prefix, length, alphabet and checksum fit;
 * `malformed` when only the prefix is ours; `foreign` when not even that. Never throws; the cost does not grow
 * with the length of the text. A kind says that the text is well formed, not that such a secret was ever issued.
 */
export function readSecret(text: string): SecretKind | 'malformed' | 'foreign' {
  const kind = kindByPrefix(text);
  if (kind === undefined) return 'foreign';
  const prefix = SECRET_PREFIXES[kind];
  if (text.length !== prefix.length + RANDOM_LENGTH + CHECKSUM_LENGTH) return 'malformed';
  if (!isBase62From(text, prefix.length)) return 'malformed';
  const checksumAt = text.length - CHECKSUM_LENGTH;
  return crc32(text, checksumAt) === decodeBase62(text.slice(checksumAt)) ? kind : 'malformed';
}

/**
 * What may be shown of a secret after its creation: `sk_test_…AbCd`, the prefix and the last four characters.
 * A text without one of our prefixes (an imported key) gives `…AbCd`, and only `…` when it has under 24 characters.
 */
export function secretHint(text: string): string {
  const kind = kindByPrefix(text);
  if (kind !== undefined) return `${SECRET_PREFIXES[kind]}…${text.slice(-4)}`;
  return text.length < 24 ? '…' : `…${text.slice(-4)}`;
}

/** Whether `redactSecrets` would change the text. Linear time. */
export function containsSecret(text: string): boolean {
  return HIDDEN.test(text);
}

/**
 * Replaces whatever looks like a secret by its prefix and `[redacted]`, whatever its checksum, in linear time.
 * It finds all that `SECRET_PATTERN` finds, and also secrets glued to letters before or after them.
 */
export function redactSecrets(text: string): string {
  return text.replace(EVERY_HIDDEN, '$1[redacted]');
}
