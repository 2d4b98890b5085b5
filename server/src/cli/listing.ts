import type { Query } from './api/client.ts';
import { pagesOf } from './api/pages.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';
import type { Progress } from './progress.ts';
import { UsageError } from './refusal.ts';
import type { OptionSpecs } from './specs.ts';
import { jsonText } from './style.ts';
import type { Column } from './table.ts';

/** For commands that list what the API keeps in pages. */
export const listOptions = {
  limit: { type: 'number', value: 'N', description: 'At most so many rows', default: 50, min: 1, max: 1_000_000 },
  all: { type: 'flag', description: 'All rows, however many' },
  cursor: { type: 'text', value: 'CURSOR', description: 'Go on where "next_cursor" of an earlier list ended' },
} as const satisfies OptionSpecs;

type ListContext = Pick<Context, 'openApi' | 'write' | 'err' | 'table' | 'progress' | 'out'>;

interface Listing<T> {
  path: string;
  query: Query;
  options: { limit: number; all: boolean; cursor: string | undefined; json: boolean };
  columns: readonly Column<T>[];
}

/** `{data, next_cursor}` as the API writes it, whatever the number of pages, without holding them all. */
async function writeJson<T>({ write }: ListContext, pages: ReturnType<typeof pagesOf<T>>): Promise<void> {
  let isFirst = true;
  let cursor: string | null = null;
  await write('{"data":[');
  for await (const { data, next_cursor } of pages) {
    const rows = data.map(jsonText).join(',');
    await write(isFirst || rows === '' ? rows : `,${rows}`);
    isFirst = false;
    cursor = next_cursor;
  }
  await write(`],"next_cursor":${jsonText(cursor)}}\n`);
}

/** A list as a table, or as JSON; follows the cursors as far as was asked. */
export async function list<T>(context: ListContext, { path, query, options, columns }: Listing<T>): Promise<number> {
  const { limit, all, cursor, json } = options;
  if (all && cursor !== undefined) throw new UsageError('--all and --cursor: give one of them');
  const api = await context.openApi();
  const pages = pagesOf<T>(api, path, { query, cursor, limit: all ? null : limit });
  if (json) {
    // The first page before the first letter: a refusal has stdout for itself.
    const first = await pages.next();
    const rest = (async function* () {
      if (!first.done) yield first.value;
      yield* pages;
    })();
    await writeJson(context, rest as ReturnType<typeof pagesOf<T>>);
    return EXIT.done;
  }
  let progress: Progress | undefined;
  const rows: T[] = [];
  let next: string | null = null;
  try {
    for await (const { data, next_cursor } of pages) {
      for (const row of data) rows.push(row);
      next = next_cursor;
      // One page is no long work.
      progress ??= next === null ? undefined : context.progress('Reading', null);
      progress?.add(data.length);
    }
  } finally {
    progress?.end();
  }
  if (rows.length === 0) context.err('Nothing to list.\n');
  else context.table(columns, rows);
  if (next !== null) context.err('There are more: --all, or a higher --limit.\n');
  return EXIT.done;
}
