import { makeId } from '@latchkey/protocol';
import type { Clock } from '../clock.ts';
import type { RandomBytes } from '../crypto/index.ts';
import type { Database } from '../database/index.ts';
import type { Scopes } from '../scopes/index.ts';
import { type Changes, createLive } from '../shared-state/index.ts';
import { DEFAULT_ALGORITHM } from '../signing-keys/index.ts';
import { DEFAULT_TTL_SECONDS, type Resource, type Resources } from './resource.ts';
import { allResources, insertDefault } from './store.ts';
import type { ResourceRow } from './tables.ts';

export const RESOURCES_CHANGE = { kind: 'resources', ref: 'all' } as const;

/** What the default resource is addressed as, until somebody says otherwise. */
export const defaultAudience = (issuer: string): string => `${issuer}/v1`;

export function toResource(row: ResourceRow, issuer: string): Resource {
  return {
    id: row.id,
    name: row.name,
    audience: row.audience ?? defaultAudience(issuer),
    tokenFormat: row.token_format,
    signingAlg: row.signing_alg,
    accessTokenTtlSeconds: row.access_token_ttl_seconds,
    acceptedAudiences: JSON.parse(row.accepted_audiences) as string[],
    isDefault: row.is_default === 1,
  };
}

export interface ResourcesOptions {
  database: Database;
  changes: Changes;
  clock: Clock;
  randomBytes: RandomBytes;
  scopes: Pick<Scopes, 'resourceOf'>;
  issuer(): string;
  onError(error: unknown): void;
}

/** All rows, and the default one even before there is any. */
async function readRows({ database, clock, randomBytes }: ResourcesOptions): Promise<ResourceRow[]> {
  const rows = await allResources(database.read);
  if (rows.some((row) => row.is_default === 1)) return rows;
  const nowMs = clock.nowMs();
  const row: ResourceRow = {
    id: makeId('resource', nowMs, randomBytes),
    name: 'Default',
    audience: null,
    token_format: 'jwt',
    signing_alg: DEFAULT_ALGORITHM,
    access_token_ttl_seconds: DEFAULT_TTL_SECONDS,
    accepted_audiences: '[]',
    is_default: 1,
    created_at: nowMs,
  };
  await database.write((tx) => insertDefault(tx, row));
  return allResources(database.read);
}

interface Table {
  rows: readonly ResourceRow[];
  issuer: string;
  all: readonly Resource[];
  byId: ReadonlyMap<string, Resource>;
  byAudience: ReadonlyMap<string, Resource>;
}

function tableOf(rows: readonly ResourceRow[], issuer: string): Table {
  const all = rows.map((row) => toResource(row, issuer));
  return {
    rows,
    issuer,
    all,
    byId: new Map(all.map((each) => [each.id, each])),
    // Should the issuer have moved to where another one is, the default one keeps its place.
    byAudience: new Map(
      [...all].sort((a, b) => Number(a.isDefault) - Number(b.isDefault)).map((each) => [each.audience, each]),
    ),
  };
}

/** All resources, as this process knows them. The issuer is known for good only once the server listens. */
export function createResources(options: ResourcesOptions): Resources {
  const { changes, scopes, issuer, onError } = options;
  const read = () => readRows(options);
  const live = createLive<ResourceRow[]>({ changes, kind: RESOURCES_CHANGE.kind, initial: [], read, onError });
  let table = tableOf([], issuer());
  const current = (): Table => {
    const [rows, base] = [live.current(), issuer()];
    if (table.rows !== rows || table.issuer !== base) table = tableOf(rows, base);
    return table;
  };
  const theDefault = (): Resource => {
    const found = current().all.find(({ isDefault }) => isDefault);
    if (!found) throw new Error('the resources were asked before they were loaded');
    return found;
  };
  return {
    byAudience: (audience) => current().byAudience.get(audience),
    byId: (id) => current().byId.get(id),
    default: theDefault,
    all: () => current().all,
    offering: (scope) => current().byId.get(scopes.resourceOf(scope) ?? '') ?? theDefault(),
    load: live.load,
    onReload: live.onReload,
  };
}
