import { buildScopeCatalogue, DEFAULT_SCOPES, type ScopeCatalogue, type ScopeDefinition } from '@latchkey/protocol';
import type { Clock } from '../clock.ts';
import type { Database } from '../database/index.ts';
import { type Changes, createLive, type Live } from '../shared-state/index.ts';
import { keepingExpansions } from './expansions.ts';
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
  return keepingExpansions(
    buildScopeCatalogue(
      definitions.map((definition) => ({
        ...definition,
        implies: definition.name === 'admin' ? everything : definition.implies.filter((name) => names.has(name)),
      })),
    ),
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
  /** The id of the resource that a scope belongs to; null: the default one. */
  resourceOf(name: string): string | null;
}

interface Loaded {
  catalogue: ScopeCatalogue;
  resources: ReadonlyMap<string, string | null>;
}

/** Reads the rows, and writes the defaults into an empty table. */
async function readCatalogue({ database, clock }: ScopesOptions): Promise<Loaded> {
  let rows = await allScopes(database.read);
  if (rows.length === 0) {
    const nowMs = clock.nowMs();
    const defaults = DEFAULT_SCOPES.map((definition) => toRow(definition, nowMs));
    await database.write((tx) => insertMissing(tx, defaults));
    rows = await allScopes(database.read);
  }
  return {
    catalogue: catalogueOf(rows.map(toDefinition)),
    resources: new Map(rows.map(({ name, resource }) => [name, resource])),
  };
}

export function createScopes(options: ScopesOptions): Scopes {
  const { changes, onError } = options;
  const initial: Loaded = { catalogue: catalogueOf(DEFAULT_SCOPES), resources: new Map() };
  const read = () => readCatalogue(options);
  const live = createLive({ changes, kind: SCOPES_CHANGE.kind, initial, read, onError });
  const current = () => live.current().catalogue;
  const catalogue: ScopeCatalogue = {
    has: (name) => current().has(name),
    names: () => current().names(),
    get: (name) => current().get(name),
    expand: (granted) => current().expand(granted),
    unknown: (names) => current().unknown(names),
    beyond: (requested, held) => current().beyond(requested, held),
  };
  const resourceOf = (name: string) => live.current().resources.get(name) ?? null;
  return { load: live.load, onReload: live.onReload, isCurrent: live.isCurrent, current, catalogue, resourceOf };
}
