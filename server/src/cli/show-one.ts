import type { ApiReply } from './api/client.ts';
import type { Context } from './context.ts';
import type { Cell } from './table.ts';

/** One object as the API answered it: as JSON, or as those of its fields that say something. */
export function showOne<T>(
  context: Pick<Context, 'out' | 'fields'>,
  reply: ApiReply,
  { json, fieldsOf }: { json: boolean; fieldsOf(object: T): [string, Cell][] },
): void {
  if (json) context.out(`${reply.text.trimEnd()}\n`);
  else context.fields(fieldsOf(reply.json as T).filter(([, value]) => value !== null && value !== ''));
}

/** `name=text name=text`. */
export function pairsText(record: Readonly<Record<string, string>>): string {
  return Object.entries(record)
    .map(([name, value]) => `${name}=${value}`)
    .join(' ');
}
