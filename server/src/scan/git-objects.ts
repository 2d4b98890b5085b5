/** Takes apart what `git cat-file --batch` writes, whatever the borders of its pieces. */
export interface GitObjectReader {
  /** A piece of the output. */
  feed(piece: Buffer): void;
}

/** `missing`: an object that the repository names and does not have. */
export type GitObjectType = 'blob' | 'tree' | 'commit' | 'tag' | 'missing';

export interface GitObjectHandler {
  begin(type: GitObjectType): void;
  content(piece: Buffer, isLast: boolean): void;
}

const LINE_FEED = 10;
const HEADER = /^[0-9a-f]+ (?:(blob|tree|commit|tag) (\d+)|missing)$/;

/** Each object is a line `<id> <type> <size>`, its bytes, and a line feed. */
export function readGitObjects({ begin, content }: GitObjectHandler): GitObjectReader {
  let header = '';
  /** Bytes of the object, and of the line feed behind it, that are still to come; null within a header. */
  let left: number | null = null;

  const takeHeader = (piece: Buffer): number => {
    const end = piece.indexOf(LINE_FEED);
    header += piece.toString('latin1', 0, end === -1 ? piece.length : end);
    if (end === -1) return piece.length;
    const [whole, type, size] = HEADER.exec(header) ?? [];
    if (whole === undefined) throw new Error('git cat-file said something that is no object');
    header = '';
    begin((type ?? 'missing') as GitObjectType);
    if (type !== undefined) {
      left = Number(size) + 1;
      if (left === 1) content(Buffer.alloc(0), true);
    }
    return end + 1;
  };

  const takeContent = (piece: Buffer, due: number): number => {
    const count = Math.min(piece.length, due);
    const bytes = Math.min(count, due - 1);
    if (bytes > 0) content(piece.subarray(0, bytes), bytes === due - 1);
    left = count === due ? null : due - count;
    return count;
  };

  return {
    feed: (piece) => {
      for (let at = 0; at < piece.length; ) {
        const rest = piece.subarray(at);
        at += left === null ? takeHeader(rest) : takeContent(rest, left);
      }
    },
  };
}
