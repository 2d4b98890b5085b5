import type { Kysely } from 'kysely';
import type { Tables, Tx } from '../database/index.ts';
import type { SandboxRow } from './tables.ts';

/** Where rows of one kind live: apart for each workspace, and for test and live; `onlyOwner` sees its own rows alone. */
export interface Shelf extends Pick<SandboxRow, 'kind' | 'workspace_id' | 'environment'> {
  onlyOwner: string | null;
}

function on(query: Kysely<Tables>, { kind, workspace_id, environment, onlyOwner }: Shelf) {
  const rows = query
    .selectFrom('sandbox_rows')
    .where('workspace_id', '=', workspace_id)
    .where('environment', '=', environment)
    .where('kind', '=', kind);
  return onlyOwner === null ? rows : rows.where('owner', '=', onlyOwner);
}

/** Oldest first, after `afterId`. */
export function listRows(
  read: Kysely<Tables>,
  shelf: Shelf,
  page: { limit: number; afterId: string },
): Promise<Pick<SandboxRow, 'id' | 'body'>[]> {
  return on(read, shelf)
    .select(['id', 'body'])
    .where('id', '>', page.afterId)
    .orderBy('id')
    .limit(page.limit)
    .execute();
}

export function rowById(read: Kysely<Tables>, shelf: Shelf, id: string): Promise<SandboxRow | undefined> {
  return on(read, shelf).selectAll().where('id', '=', id).executeTakeFirst();
}

export async function countRows(read: Kysely<Tables>, shelf: Shelf): Promise<number> {
  const { count } = await on(read, shelf)
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(count);
}

export async function insertRow(tx: Tx, row: SandboxRow): Promise<void> {
  await tx.query.insertInto('sandbox_rows').values(row).execute();
}

/** A row that nobody else changes before this transaction ends: touching it takes its lock on either database. */
export function lockRow(tx: Tx, shelf: Shelf, id: string): Promise<SandboxRow | undefined> {
  return tx.query
    .updateTable('sandbox_rows')
    .set(({ ref }) => ({ body: ref('body') }))
    .where('id', 'in', on(tx.query, shelf).select('id').where('id', '=', id))
    .returningAll()
    .executeTakeFirst();
}

/** For a row that `lockRow` has found on the caller's shelf. */
export async function updateBody(tx: Tx, id: string, body: string): Promise<void> {
  await tx.query.updateTable('sandbox_rows').set({ body }).where('id', '=', id).execute();
}

/** False when there was no such row on the shelf. */
export async function deleteRow(tx: Tx, shelf: Shelf, id: string): Promise<boolean> {
  const gone = await tx.query
    .deleteFrom('sandbox_rows')
    .where('id', 'in', on(tx.query, shelf).select('id').where('id', '=', id))
    .returning('id')
    .executeTakeFirst();
  return gone !== undefined;
}
