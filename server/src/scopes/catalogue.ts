import { buildScopeCatalogue, DEFAULT_SCOPES, type ScopeCatalogue, type ScopeDefinition } from '@latchkey/protocol';
import type { Clock } from '../clock.ts';
import type { Database } from '../database/index.ts';
import { type Changes, createLive, type Live } from '../shared-state/index.ts';
import { allScopes, insertMissing } from './store.ts';
import type { ScopeRow } from './tables.ts';

export const SCOPES_CHANGE = { kind: 'scopes', ref: 'catalogue' } as const;

function toDefinition(row: ScopeRow): ScopeDefinition {
  const { name, description, kind } = row;
  return { name, description, kind, implies: JSON.parse(row.implies) as string[], sensitive: row.sensitive === 1 };
}

function toRow({ name, description, implies, sensitive, kind }: ScopeDefinition, nowMs: number): ScopeRow {
  return {
    name,
    description,
    implies: JSON.stringify(implies),
    sensitive: sensitive ? 1 : 0,
    kind,
    resource: null,
    created_at: nowMs,
  };
}

/**
 * `admin` means everything in its workspace, also what the operator has added since; names that were deleted are
 * dropped from what others imply.
 */
export function catalogueOf(definitions: readonly ScopeDefinition[]): ScopeCatalogue {
  const names = new Set(definitions.map(({ name }) => name));
  const everything = definitions
    .filter(({ kind, name }) => kind !== 'identity' && name !== 'admin')
    .map(({ name }) => name);
  return buildScopeCatalogue(
    definitions.map((definition) => ({
      ...definition,
      implies: definition.name === 'admin' ? everything : definition.implies.filter((name) => names.has(name)),
    })),
  );
}

export interface ScopesOptions {
  database: Database;
  changes: Changes;
  clock: Clock;
  onError(error: unknown): void;
}

/** The catalogue as this process knows it: resolved once per change, asked in constant time. */
export interface Scopes extends Live<ScopeCatalogue> {
  /** Always asks the current one: for whoever keeps a catalogue for longer than a call. */
  readonly catalogue: ScopeCatalogue;
}

/** Reads the rows, and writes the defaults into an empty table. */
async function readCatalogue({ database, clock }: ScopesOptions): Promise<ScopeCatalogue> {
  let rows = await allScopes(database.read);
  if (rows.length === 0) {
    const nowMs = clock.nowMs();
    const defaults = DEFAULT_SCOPES.map((definition) => toRow(definition, nowMs));
    await database.write((tx) => insertMissing(tx, defaults));
    rows = await allScopes(database.read);
  }
  return catalogueOf(rows.map(toDefinition));
}

export function createScopes(options: ScopesOptions): Scopes {
  const { changes, onError } = options;
  const initial = catalogueOf(DEFAULT_SCOPES);
  const read = () => readCatalogue(options);
  const live = createLive({ changes, kind: SCOPES_CHANGE.kind, initial, read, onError });
  const catalogue: ScopeCatalogue = {
    has: (name) => live.current().has(name),
    names: () => live.current().names(),
    get: (name) => live.current().get(name),
    expand: (granted) => live.current().expand(granted),
    unknown: (names) => live.current().unknown(names),
    beyond: (requested, held) => live.current().beyond(requested, held),
  };
  return { ...live, catalogue };
}
