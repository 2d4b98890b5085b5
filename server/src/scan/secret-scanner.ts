import { LONGEST_SECRET, SECRET_MARK, SECRET_PREFIXES, type SecretText, secretAt } from '@latchkey/protocol';

/** A secret in a stream of bytes. */
export interface Match {
  secret: SecretText;
  line: number;
  column: number;
}

const LINE_FEED = 10;
const MARK = Buffer.from(SECRET_MARK, 'latin1');
/** The same in UTF-16, whichever byte comes first. */
const WIDE_MARK = Buffer.from(SECRET_MARK, 'utf16le');
/** The bytes of the longest secret in UTF-16: so much of a block is looked at again with the next one. */
const OVERLAP_BYTES = LONGEST_SECRET * 2;

/** Bytes that stand before and behind the mark in one of the prefixes, as a table: most marks end here. */
const around = (place: number) => {
  const table = new Uint8Array(256);
  for (const prefix of Object.values(SECRET_PREFIXES)) table[prefix.charCodeAt(place)] = 1;
  return table;
};
const BEFORE = around(0);
const BEHIND = around(1 + SECRET_MARK.length);

interface Located {
  at: number;
  secret: SecretText;
}

function narrowSecret(block: Buffer, at: number): SecretText | null {
  return secretAt(block.toString('latin1', at, at + LONGEST_SECRET), 0);
}

function wideSecret(block: Buffer, at: number): SecretText | null {
  const letters = Buffer.from(block.subarray(at, at + OVERLAP_BYTES).filter((_, index) => index % 2 === 0));
  return secretAt(letters.toString('latin1'), 0);
}

/** Secrets that begin before `limit`. The mark is rare and found natively; all else is done for its places alone. */
function locate(block: Buffer, limit: number): Located[] {
  const located: Located[] = [];
  const look = (mark: Buffer, width: 1 | 2, read: (block: Buffer, at: number) => SecretText | null) => {
    for (let found = block.indexOf(mark); found !== -1; found = block.indexOf(mark, found + mark.length)) {
      const at = found - width;
      if (at >= limit) break;
      if (!BEFORE[block[at] ?? 0] || !BEHIND[block[found + mark.length] ?? 0]) continue;
      const secret = read(block, at);
      if (secret) located.push({ at, secret });
    }
  };
  look(MARK, 1, narrowSecret);
  if (block.includes(0)) look(WIDE_MARK, 2, wideSecret);
  return located.sort((a, b) => a.at - b.at);
}

/**
 * Finds secrets in bytes that come in pieces of any size, across their borders too, in UTF-8 and UTF-16, in text and in
 * anything else. Keeps some hundred bytes; the time is linear in the length.
 */
export class SecretScanner {
  readonly #onMatch: (match: Match) => void;
  #rest: Buffer = Buffer.alloc(0);
  #line = 1;
  /** Where the current line begins, and up to where lines were counted, both in the block at hand. */
  #lineStart = 0;
  #counted = 0;

  constructor(onMatch: (match: Match) => void) {
    this.#onMatch = onMatch;
  }

  /** The piece may be reused by the caller afterwards. The last one, which may be empty, ends the stream. */
  feed(piece: Buffer, isLast: boolean): void {
    const block = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
    const limit = isLast ? block.length : Math.max(0, block.length - OVERLAP_BYTES);
    for (const { at, secret } of locate(block, limit)) {
      this.#countLines(block, at);
      this.#onMatch({ secret, line: this.#line, column: at - this.#lineStart + 1 });
    }
    if (isLast) return;
    this.#countLines(block, limit);
    this.#lineStart -= limit;
    this.#counted = 0;
    this.#rest = Buffer.from(block.subarray(limit));
  }

  #countLines(block: Buffer, end: number): void {
    for (let at = this.#counted; at < end; at += 1) {
      if (block[at] !== LINE_FEED) continue;
      this.#line += 1;
      this.#lineStart = at + 1;
    }
    this.#counted = end;
  }
}

/** The secrets in a short text, such as the name of a file. */
export function secretsInText(text: string): SecretText[] {
  if (!text.includes(SECRET_MARK)) return [];
  const found: SecretText[] = [];
  new SecretScanner(({ secret }) => found.push(secret)).feed(Buffer.from(text), true);
  return found;
}
