import { readSecret, SECRET_LENGTHS, type SecretText } from './key-text.ts';

/** The letters that every prefix has second and third: what a scanner looks for before it asks `secretAt`. */
export const SECRET_MARK = 'k_';

/** No secret is longer, in characters. */
export const LONGEST_SECRET: number = Math.max(...SECRET_LENGTHS.values());

/**
 * The secret whose text begins exactly at `at`, whatever stands before and behind it; null where none does. The checksum
 * decides, so neither word boundaries nor encodings around the text matter: `\nsk_test_…` in JSON and `key%3Dsk_test_…`
 * in a URL are found. Takes the same time wherever it looks.
 */
export function secretAt(text: string, at: number): SecretText | null {
  if (!text.startsWith(SECRET_MARK, at + 1)) return null;
  for (const [prefix, length] of SECRET_LENGTHS) {
    if (!text.startsWith(prefix, at)) continue;
    const candidate = text.slice(at, at + length);
    const kind = readSecret(candidate);
    return kind === 'malformed' || kind === 'foreign' ? null : { kind, text: candidate };
  }
  return null;
}
