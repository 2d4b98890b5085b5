import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { afterAll, describe, expect, test } from 'vitest';
import { MIGRATIONS } from '../../src/compose.ts';
import { openPostgres, openSqlite } from '../../src/database/index.ts';
import { freshPostgres, temporaryFolder } from '../harness.ts';
import { readDocument, tablesOf } from './documents.ts';

/** `table.column type`, as the document says it; PostgreSQL alone knows what may be null and how text sorts. */
type Schema = string[];

const documented = tablesOf(readDocument('docs/storage-schema.md')).filter(({ header }) => header[0] === 'column');
const KEPT = ['plain', 'SHA-256', 'argon2id', 'imported', 'sealed'];

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function documentedSchema(typeOf: (type: string) => string): Schema {
  return documented
    .flatMap(({ heading, rows }) => rows.map(([column, type = '']) => `${heading}.${column} ${typeOf(type)}`))
    .sort();
}

async function sqliteSchema(): Promise<Schema> {
  const folder = temporaryFolder();
  folders.push(folder);
  const path = join(folder, 'schema.sqlite');
  const database = openSqlite(path);
  await database.migrate(MIGRATIONS, { dryRun: false, nowMs: 1 });
  await database.close();
  const file = new DatabaseSync(path, { readOnly: true });
  const columns = file
    .prepare(
      `select t.name as "table", c.name as "column", lower(c.type) as type
       from sqlite_master t, pragma_table_info(t.name) c where t.type = 'table' and t.name not like 'sqlite\\_%' escape '\\'`,
    )
    .all();
  file.close();
  return columns.map(({ table, column, type }) => `${table}.${column} ${type}`).sort();
}

const POSTGRES_COLUMNS = `
  select table_name, column_name, data_type, collation_name, is_identity, is_nullable
  from information_schema.columns where table_schema = 'public'`;

function postgresType(column: Record<string, string | null>): string {
  const kinds: Record<string, string> = { text: column.collation_name === 'C' ? 'id' : 'text', bigint: 'integer' };
  const kind = column.is_identity === 'YES' ? 'sequence' : (kinds[column.data_type ?? ''] ?? column.data_type);
  return `${kind}${column.is_nullable === 'YES' ? '?' : ''}`;
}

async function postgresSchema(): Promise<Schema> {
  const url = await freshPostgres();
  const database = openPostgres(url, () => {});
  await database.migrate(MIGRATIONS, { dryRun: false, nowMs: 1 });
  await database.close();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(POSTGRES_COLUMNS).finally(() => client.end());
  return rows.map((row) => `${row.table_name}.${row.column_name} ${postgresType(row)}`).sort();
}

describe('docs/storage-schema.md', () => {
  test('names every table and column of SQLite, and no other', async () => {
    const sqliteTypes: Record<string, string> = { id: 'text', text: 'text', integer: 'integer', sequence: 'integer' };
    const written = documentedSchema((type) => sqliteTypes[type.replace('?', '')] ?? type);
    expect(written).toEqual(await sqliteSchema());
  });

  // The table of applied migrations is there before the column types are, and sorts by the database's own rules.
  test('gives every column its type and whether it may be empty, as PostgreSQL has them', async () => {
    expect(documentedSchema((type) => type)).toEqual(await postgresSchema());
  });

  test('says of every column how it is kept', () => {
    for (const { heading, rows } of documented) {
      for (const [column, , kept, meaning] of rows) {
        expect(KEPT, `${heading}.${column}`).toContain(kept);
        expect(meaning, `${heading}.${column}`).not.toBe('');
      }
    }
  });

  test('says of every table who owns it and how long its rows live', () => {
    const sections = readDocument('docs/storage-schema.md').split(/^### /m).slice(1);
    const described = sections.filter((section) => /\nOwner: .+\nLifetime: .+\n/.test(section));
    expect(described.map((section) => section.split('`')[1])).toEqual(documented.map(({ heading }) => heading));
  });
});
