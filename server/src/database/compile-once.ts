import type { Compilable, CompiledQuery, Kysely } from 'kysely';
import type { Tables } from './tables.ts';

/** Runs a statement that was compiled before, with these parameters. */
export type CompiledStatement = (query: Kysely<Tables>, parameters: readonly unknown[]) => Promise<unknown[]>;

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
