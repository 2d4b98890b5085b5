import type { Cursors } from './cursor.ts';

const DEFAULT_LIMIT = 20;

/** A list cut into pages: one row more than wanted is asked for, to know whether more follow. */
export interface Page {
  /** What to ask the store for. */
  limit: number;
  /** Where the page before ended; null at the beginning. */
  position: string | null;
  /** The rows of this page, and the cursor of the next. */
  cut<T>(rows: readonly T[], positionOf: (row: T) => string): { rows: T[]; next_cursor: string | null };
}

/** `list` names the list and its filters: a cursor works only where it came from. Throws `invalid_request`. */
export function pageOf(
  cursors: Cursors,
  list: string,
  query: { limit?: number | undefined; cursor?: string | undefined },
): Page {
  const wanted = query.limit ?? DEFAULT_LIMIT;
  return {
    limit: wanted + 1,
    position: query.cursor === undefined ? null : cursors.decode(list, query.cursor),
    cut: (rows, positionOf) => {
      const shown = rows.slice(0, wanted);
      const last = rows.length > wanted ? shown.at(-1) : undefined;
      return { rows: shown, next_cursor: last === undefined ? null : cursors.encode(list, positionOf(last)) };
    },
  };
}
