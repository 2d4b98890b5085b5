/** SHA-256 digests of secrets that are known and may stand where they stand. */
export type Allowlist = ReadonlySet<string>;

/** A line that is neither a digest nor a comment. */
export class AllowlistError extends Error {}

/** One SHA-256 in hex on a line; `#` begins a comment, on a line of its own or behind the digest. */
export function parseAllowlist(text: string): Allowlist {
  const digests = new Set<string>();
  for (const [index, line] of text.split('\n').entries()) {
    const digest = line.replace(/#.*/, '').trim().toLowerCase();
    if (digest === '') continue;
    if (!/^[0-9a-f]{64}$/.test(digest)) {
      throw new AllowlistError(
        `line ${index + 1} is no SHA-256 in hex; \`latchkey scan --json\` prints it as "sha256"`,
      );
    }
    digests.add(digest);
  }
  return digests;
}
