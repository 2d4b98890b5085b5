import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { MIGRATIONS } from '../../src/compose.ts';
import { type Database, openPostgres, openSqlite, type Tx } from '../../src/database/index.ts';
import { type DatabaseName, freshPostgres, temporaryFolder } from '../harness.ts';

const opened = new Set<Database>();
const folders: string[] = [];

/** A new, empty database of that kind: each call opens it once more, as another process would. */
export async function newPlace(name: DatabaseName): Promise<() => Promise<Database>> {
  if (name === 'postgres') {
    const url = await freshPostgres();
    return async () => remember(await openPostgres(url, () => {}));
  }
  const folder = temporaryFolder();
  folders.push(folder);
  return async () => remember(openSqlite(join(folder, 'test.sqlite')));
}

function remember(database: Database): Database {
  opened.add(database);
  return database;
}

export async function close(database: Database): Promise<void> {
  opened.delete(database);
  await database.close();
}

/** Opens a new database with every table in it. */
export async function newDatabase(name: DatabaseName): Promise<Database> {
  const database = await (await newPlace(name))();
  await database.migrate(MIGRATIONS, { dryRun: false, nowMs: 1 });
  return database;
}

/** For `afterEach`: closes what is open, removes the files. */
export async function closeDatabases(): Promise<void> {
  for (const database of opened) await close(database);
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
}

/** Writes a row that stands for any: `installation` is a plain table of names and values. */
export async function put(tx: Tx, name: string, value = ''): Promise<void> {
  await tx.query.insertInto('installation').values({ name, value, created_at: 1 }).execute();
}

/** The names that `put` left behind, sorted. */
export async function names(database: Database): Promise<string[]> {
  const rows = await database.read.selectFrom('installation').select('name').execute();
  return rows.map(({ name }) => name).sort();
}
