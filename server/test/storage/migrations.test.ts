import { afterEach, describe, expect, test } from 'vitest';
import { MIGRATIONS } from '../../src/compose.ts';
import type { Database, Migration } from '../../src/database/index.ts';
import { DATABASES, freshPostgres, startServer, stopServers } from '../harness.ts';
import { close, closeDatabases, newDatabase, newPlace, put } from './databases.ts';

afterEach(async () => {
  await stopServers();
  await closeDatabases();
});

const NOW_MS = 1234;
const all = MIGRATIONS.map(({ name }) => name);
const migrate = (database: Database, migrations = MIGRATIONS) =>
  database.migrate(migrations, { dryRun: false, nowMs: NOW_MS });

/** The tables that there are, whatever made them. */
async function tables(database: Database): Promise<string[]> {
  const found = await database.read.introspection.getTables();
  return found.map(({ name }) => name).sort();
}

const broken: Migration[] = [
  {
    name: '9001_test_good',
    up: (schema, types) => [schema.createTable('made_first').addColumn('id', types.id)],
  },
  {
    name: '9002_test_bad',
    up: (schema, types) => [
      schema.createTable('made_second').addColumn('id', types.id),
      schema.createTable('changes').addColumn('id', types.id),
    ],
  },
];

describe.each(DATABASES)('migrations on %s', (kind) => {
  test('bring an empty database up to date, once', async () => {
    const database = await (await newPlace(kind))();
    const first = await migrate(database);
    expect(first.applied).toEqual([]);
    expect(first.pending.map(({ name }) => name)).toEqual(all);
    const made = await tables(database);
    expect(made).toEqual(expect.arrayContaining(['api_keys', 'audit_events', 'changes', 'schema_migrations', 'users']));
    const second = await migrate(database);
    expect(second.pending).toEqual([]);
    expect(second.applied).toEqual([...all].sort());
    expect(await tables(database)).toEqual(made);
    const rows = await database.read.selectFrom('schema_migrations').selectAll().execute();
    expect(new Set(rows.map(({ applied_at }) => applied_at))).toEqual(new Set([NOW_MS]));
  });

  test('continue where an older version stopped', async () => {
    const database = await (await newPlace(kind))();
    await migrate(database, MIGRATIONS.slice(0, 3));
    const plan = await migrate(database);
    expect(plan.pending.map(({ name }) => name)).toEqual(all.slice(3));
    await database.write((tx) => put(tx, 'works'));
  });

  test('a dry run says which statements it would run, and changes nothing', async () => {
    const database = await (await newPlace(kind))();
    const plan = await database.migrate(MIGRATIONS, { dryRun: true, nowMs: NOW_MS });
    expect(plan.pending.map(({ name }) => name)).toEqual(all);
    const statements = plan.pending.flatMap((each) => each.statements);
    expect(statements).toEqual(expect.arrayContaining([expect.stringMatching(/^create table "api_keys" \(/)]));
    expect(await tables(database)).toEqual([]);
    await migrate(database, MIGRATIONS.slice(0, 2));
    const before = await tables(database);
    const rest = await database.migrate(MIGRATIONS, { dryRun: true, nowMs: NOW_MS });
    expect(rest.applied).toEqual(all.slice(0, 2).sort());
    expect(rest.pending.map(({ name }) => name)).toEqual(all.slice(2));
    expect(await tables(database)).toEqual(before);
  });

  test('one that fails leaves nothing of itself or of those before it in the same run', async () => {
    const database = await newDatabase(kind);
    const before = await tables(database);
    await expect(migrate(database, [...MIGRATIONS, ...broken])).rejects.toThrow(/changes/);
    expect(await tables(database)).toEqual(before);
    const names = await database.read.selectFrom('schema_migrations').select('name').execute();
    expect(names.map(({ name }) => name).sort()).toEqual([...all].sort());
    await database.write((tx) => put(tx, 'still writes'));
    expect((await migrate(database)).pending).toEqual([]);
  });

  test('may run many times at once', async () => {
    const openAgain = await newPlace(kind);
    const plans = await Promise.all(Array.from({ length: 6 }, () => openAgain().then((database) => migrate(database))));
    expect(plans.map(({ pending }) => pending.length).sort()).toEqual([0, 0, 0, 0, 0, MIGRATIONS.length].sort());
  });

  test('one that only a newer version knows does not stop a server from starting', async () => {
    const env: Record<string, string> = {};
    if (kind === 'postgres') env.LATCHKEY_DATABASE_URL = await freshPostgres();
    const server = await startServer({ database: kind, env });
    await server.latchkey.database.write(async (tx) => {
      await tx.query.insertInto('schema_migrations').values({ name: '9999_from_the_future', applied_at: 1 }).execute();
    });
    await server.stop();
    const again = await startServer({ database: kind, env, dataDir: server.dataDir });
    expect((await again.call('/v1/auth/verify', { key: server.key })).status).toBe(200);
    await again.stop();
  });

  test('rows written by the version before stay as they are', async () => {
    const openAgain = await newPlace(kind);
    const database = await openAgain();
    await migrate(database);
    await database.write((tx) => put(tx, 'kept', 'as it was'));
    await close(database);
    const again = await openAgain();
    await migrate(again);
    const row = await again.read.selectFrom('installation').selectAll().executeTakeFirst();
    expect(row).toMatchObject({ name: 'kept', value: 'as it was' });
  });
});

test('every id column on PostgreSQL sorts by its bytes, whatever language the server speaks', async () => {
  const database = await newDatabase('postgres');
  const columns = await database.read
    .selectFrom('information_schema.columns' as never)
    .select(['table_name', 'column_name', 'collation_name'] as never[])
    .where('table_schema' as never, '=', 'public' as never)
    .where('column_name' as never, 'in', ['id', 'workspace_id', 'user_id', 'target_id', 'secret_hash'] as never)
    .execute();
  const rows = columns as unknown as { table_name: string; column_name: string; collation_name: string | null }[];
  const keyed = rows.filter(({ table_name }) => table_name !== 'audit_keys');
  expect(keyed.length).toBeGreaterThan(8);
  expect(keyed.filter(({ collation_name }) => collation_name !== 'C')).toEqual([]);
});
