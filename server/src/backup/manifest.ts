import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { BackupError } from './deps.ts';

export const MANIFEST_FILE = 'manifest.json';
const FORMAT = 1;

const Count = Type.Integer({ minimum: 0 });

const ManifestSchema = Type.Object({
  format: Type.Literal(FORMAT),
  /** Random: names this backup in the audit log. */
  id: Type.String({ pattern: '^[0-9a-f]{24}$' }),
  created_at: Type.String(),
  /** Of the program that made it. */
  version: Type.String(),
  database: Type.Union([Type.Literal('sqlite'), Type.Literal('postgres')]),
  /** PostgreSQL's schema; null on SQLite. */
  schema: Type.Union([Type.String(), Type.Null()]),
  file: Type.Object({
    name: Type.String({ pattern: '^database\\.(?:sqlite|dump)$' }),
    bytes: Count,
    sha256: Type.String({ pattern: '^[0-9a-f]{64}$' }),
  }),
  /** Names, as in `schema_migrations`. */
  migrations: Type.Array(Type.String()),
  rows: Type.Record(Type.String(), Count),
  audit: Type.Object({ batches: Count, head: Type.Union([Type.String(), Type.Null()]) }),
  /** Ids of the keys without which the sealed values cannot be read; never the keys. */
  encryption_keys: Type.Array(Type.String()),
});

export type Manifest = Type.Static<typeof ManifestSchema>;

export function newManifest(facts: Omit<Manifest, 'format'>): Manifest {
  return { format: FORMAT, ...facts };
}

/** Throws `BackupError` when the folder is no backup, or a newer one than this version can read. */
export function readManifest(folder: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(join(folder, MANIFEST_FILE), 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code ? `${MANIFEST_FILE} cannot be read (${code})` : `${MANIFEST_FILE} is damaged`;
    throw new BackupError(`${folder} is no backup: ${why}. Name the folder that \`latchkey backup\` made`);
  }
  if (Value.Check(ManifestSchema, value)) return value;
  const { format } = Object(value) as { format?: unknown };
  if (typeof format === 'number' && format > FORMAT) {
    throw new BackupError(`${folder} was made by a newer version of Latchkey; restore it with that version`);
  }
  throw new BackupError(`${folder} is no backup: ${MANIFEST_FILE} is damaged`);
}
