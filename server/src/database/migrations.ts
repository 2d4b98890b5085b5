import type { ColumnDefinitionBuilder, Compilable, Kysely, RawBuilder, SchemaModule } from 'kysely';
import type { Tables } from './tables.ts';

/** Column types that mean the same in both databases (`docs/storage-schema.md`). */
export interface ColumnTypes {
  /** Text that sorts by its bytes, as ids must. */
  id: RawBuilder<string>;
  text: RawBuilder<string>;
  /** Whole milliseconds since the epoch, counts and 0/1 booleans. */
  integer: RawBuilder<number>;
  /** A primary key that the database numbers upwards. */
  sequence: RawBuilder<number>;
  sequenceKey(column: ColumnDefinitionBuilder): ColumnDefinitionBuilder;
}

/** One forward-only, additive step: version N-1 of the program must run on the schema of version N. */
export interface Migration {
  /** `<number>_<domain>_<what>`; applied in the order of the list, remembered by name. */
  name: string;
  up(schema: SchemaModule, types: ColumnTypes): Compilable[];
}

export interface MigrationPlan {
  applied: string[];
  pending: { name: string; statements: string[] }[];
}

/** Those not in `applied`, with their statements. Unknown applied names are a newer version's and no reason to stop. */
export function planMigrations(
  query: Kysely<Tables>,
  migrations: readonly Migration[],
  applied: ReadonlySet<string>,
  types: ColumnTypes,
): MigrationPlan {
  const pending = migrations
    .filter(({ name }) => !applied.has(name))
    .map(({ name, up }) => ({ name, statements: up(query.schema, types).map((step) => step.compile().sql) }));
  return { applied: [...applied].sort(), pending };
}
