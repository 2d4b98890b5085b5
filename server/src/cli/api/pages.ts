import { EXIT } from '../exit-codes.ts';
import { CommandFailure } from '../refusal.ts';
import type { Api, ApiReply, Query } from './client.ts';

/** What lists answer. */
export interface Page<T> {
  data: T[];
  next_cursor: string | null;
}

export interface PagesOptions {
  query: Query;
  cursor?: string | undefined;
  /** At most so many rows; null for all. */
  limit: number | null;
}

const LARGEST_PAGE = 100;

/** Pages of a list, one after another, until the list or the limit ends. The last carries the cursor that follows. */
export async function* pagesOf<T>(
  api: Api,
  path: string,
  { query, cursor, limit }: PagesOptions,
): AsyncGenerator<Page<T> & { reply: ApiReply }> {
  let next = cursor;
  let left = limit ?? Number.POSITIVE_INFINITY;
  do {
    const reply = await api.call(path, { query: { ...query, cursor: next, limit: Math.min(LARGEST_PAGE, left) } });
    const page = reply.json as Page<T>;
    if (!Array.isArray(page?.data)) {
      throw new CommandFailure(`${api.server} answers with no list where Latchkey has one`, EXIT.unreachable);
    }
    left -= page.data.length;
    next = page.next_cursor ?? undefined;
    yield { ...page, reply };
  } while (next !== undefined && left > 0);
}
