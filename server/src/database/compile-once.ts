import { type AliasedExpression, type Compilable, type CompiledQuery, type Kysely, type RawBuilder, sql } from 'kysely';
import { runOf } from './sqlite-dialect.ts';
import type { Tables } from './tables.ts';

/** Runs a statement that was compiled before, with these parameters. */
export type CompiledStatement = (query: Kysely<Tables>, parameters: readonly unknown[]) => Promise<unknown[]>;

/**
 * An INSERT compiled once. All rows given to it have the same columns: those of the first one. Throws on a row that has
 * not.
 */
export function compileInsert<Row extends object>(
  table: keyof Tables,
): (query: Kysely<Tables>, row: Row) => Promise<void> {
  const insert = compileInsertSeeing<Row>(table, () => []);
  return async (query, row) => {
    await insert(query, row);
  };
}

/** `compileInsert` that also looks at what `seen` selects, in the same statement: what it saw, in rows. */
export function compileInsertSeeing<Row extends object>(
  table: keyof Tables,
  seen: (query: Kysely<Tables>) => readonly AliasedExpression<unknown, string>[],
): (query: Kysely<Tables>, row: Row) => Promise<unknown[]> {
  let columns: (keyof Row)[] | undefined;
  let sample: Row;
  const run = compileOnce((query) => {
    const insert = query.insertInto(table).values(sample as never);
    const looks = seen(query);
    return looks.length === 0 ? insert : insert.returning(looks);
  });
  return async (query, row) => {
    sample ??= row;
    columns ??= Object.keys(row) as (keyof Row)[];
    const values = columns.map((column) => row[column]);
    if (Object.keys(row).length !== columns.length || values.includes(undefined as never)) {
      throw new Error(`a row for ${table} has other columns than the one before`);
    }
    return run(query, values);
  };
}

/** Runs a statement for rows of parameters, many at a time. */
export type CompiledForMany = (query: Kysely<Tables>, rows: readonly (readonly unknown[])[]) => Promise<void>;

const SHARES = [100, 10, 1];

/**
 * `compileOnce` for a statement that takes any number of rows: one for a hundred at a time, one for ten, one for what is
 * left. `build` is told for how many.
 */
export function compileForMany(build: (query: Kysely<Tables>, count: number) => Compilable): CompiledForMany {
  const statements = SHARES.map((count) => ({ count, run: compileOnce((query) => build(query, count)) }));
  return async (query, rows) => {
    let from = 0;
    for (const { count, run } of statements) {
      for (; rows.length - from >= count; from += count) await run(query, rows.slice(from, from + count).flat());
    }
  };
}

type ColumnType = 'text' | 'bigint';

/** `values (…), (…)` for a FROM: both databases name its columns `column1`, `column2`, and so on. */
export function valueRows(types: readonly ColumnType[], count: number): RawBuilder<unknown> {
  const typed = sql.join(types.map((type) => sql`cast(${0} as ${sql.raw(type)})`));
  const plain = sql.join(types.map(() => sql`${0}`));
  return sql`values ${sql.join(Array.from({ length: count }, (_, index) => sql`(${index === 0 ? typed : plain})`))}`;
}

/**
 * For statements that run thousands of times: building and compiling one costs more than SQLite needs to run it.
 * `build` is called once for each database, with placeholders in the order in which `parameters` will come.
 */
export function compileOnce(build: (query: Kysely<Tables>) => Compilable): CompiledStatement {
  const byAdapter = new WeakMap<object, CompiledQuery>();
  return async (query, parameters) => {
    const { adapter } = query.getExecutor();
    let compiled = byAdapter.get(adapter);
    if (compiled === undefined) {
      compiled = build(query).compile();
      byAdapter.set(adapter, compiled);
    }
    const run = runOf(adapter);
    if (run) return run(compiled.sql, parameters);
    const { rows } = await query.executeQuery({ ...compiled, parameters });
    return rows;
  };
}
