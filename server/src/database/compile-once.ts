import type { Compilable, CompiledQuery, Kysely } from 'kysely';
import type { Tables } from './tables.ts';

/** Runs a statement that was compiled before, with these parameters. */
export type CompiledStatement = (query: Kysely<Tables>, parameters: readonly unknown[]) => Promise<unknown[]>;

/**
 * For statements that run thousands of times: building and compiling one costs more than SQLite needs to run it.
 * `build` is called once, with placeholders in the order in which `parameters` will come.
 */
export function compileOnce(database: Kysely<Tables>, build: (query: Kysely<Tables>) => Compilable): CompiledStatement {
  let compiled: CompiledQuery | undefined;
  return async (query, parameters) => {
    compiled ??= build(database).compile();
    const { rows } = await query.executeQuery({ ...compiled, parameters });
    return rows;
  };
}
