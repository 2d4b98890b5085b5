import { sha256Hex } from '../crypto/index.ts';

/** How many letters of addresses one event holds. */
const MOST_LETTERS = 2000;

/**
 * Redirect URIs as the audit log keeps them: all of a few, and of many the first ones, how many there are, and the SHA-256 of
 * their JSON. Whoever registers themselves may send forty kilobytes of them, each time. Pure.
 */
export function notedUris(uris: readonly string[]): object {
  let letters = 0;
  const first = uris.filter((uri) => {
    letters += uri.length;
    return letters <= MOST_LETTERS;
  });
  if (first.length === uris.length) return { redirect_uris: uris };
  const digest = sha256Hex(JSON.stringify(uris));
  return { redirect_uris: first, redirect_uri_count: uris.length, redirect_uris_sha256: digest };
}
