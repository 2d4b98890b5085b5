import type { Compilable, Kysely } from 'kysely';
import { type CompiledStatement, compileOnce, type Tables, type Tx } from '../database/index.ts';
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

const ANY_SHELF: Shelf = { kind: 'project', workspace_id: '', environment: 'test', onlyOwner: null };
const OWN_SHELF: Shelf = { ...ANY_SHELF, onlyOwner: '' };

/** A statement about a shelf, compiled once for all rows of one and once for those of an owner. */
function compileOnShelf(build: (rows: ReturnType<typeof on>) => Compilable) {
  const [all, own] = [ANY_SHELF, OWN_SHELF].map((shelf) => compileOnce((query) => build(on(query, shelf)))) as [
    CompiledStatement,
    CompiledStatement,
  ];
  return (
    read: Kysely<Tables>,
    { kind, workspace_id, environment, onlyOwner }: Shelf,
    parameters: readonly unknown[],
  ): Promise<unknown[]> => {
    const place = [workspace_id, environment, kind];
    return onlyOwner === null ? all(read, [...place, ...parameters]) : own(read, [...place, onlyOwner, ...parameters]);
  };
}

const selectPage = compileOnShelf((rows) => rows.select(['id', 'body']).where('id', '>', '').orderBy('id').limit(1));
const selectRow = compileOnShelf((rows) => rows.selectAll().where('id', '=', ''));

/** Oldest first, after `afterId`. */
export async function listRows(
  read: Kysely<Tables>,
  shelf: Shelf,
  page: { limit: number; afterId: string },
): Promise<Pick<SandboxRow, 'id' | 'body'>[]> {
  return (await selectPage(read, shelf, [page.afterId, page.limit])) as Pick<SandboxRow, 'id' | 'body'>[];
}

export async function rowById(read: Kysely<Tables>, shelf: Shelf, id: string): Promise<SandboxRow | undefined> {
  const [row] = (await selectRow(read, shelf, [id])) as SandboxRow[];
  return row;
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
