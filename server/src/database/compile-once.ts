import type { Compilable, CompiledQuery, Kysely } from 'kysely';
import type { Tables } from './tables.ts';

/** Runs a statement that was compiled before, with these parameters. */
export type CompiledStatement = (query: Kysely<Tables>, parameters: readonly unknown[]) => Promise<unknown[]>;

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
    const { rows } = await query.executeQuery({ ...compiled, parameters });
    return rows;
  };
}
