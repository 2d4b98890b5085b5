import { makeId } from '@latchkey/protocol';
import type { Actor, RecordAudit } from '../../audit/index.ts';
import type { Clock } from '../../clock.ts';
import type { RandomBytes } from '../../crypto/index.ts';
import type { Database, Tx } from '../../database/index.ts';
import type { Environment } from '../../http/index.ts';
import { type Changes, createRecordCache } from '../../shared-state/index.ts';
import type { Tokens } from '../../tokens/index.ts';
import type { Grant } from './grant.ts';
import {
  deleteEndedGrants,
  type GrantFilter,
  type GrantPlace,
  grantById,
  insertGrant,
  listGrants,
  livingGrant,
  lockGrant,
  markUsed,
  updateGrant,
} from './store.ts';
import type { GrantRow } from './tables.ts';

/** What a person allows an application now. */
export interface Allowed extends GrantPlace {
  environment: Environment;
  scopes: readonly string[];
  redirect: string | null;
}

/** What people allowed: in memory where it is asked at every authorization. */
export interface Grants {
  /** From memory, where it is there: no await on the way of who comes often. */
  peek(place: GrantPlace): Grant | undefined;
  find(place: GrantPlace): Promise<Grant | null>;
  /** By its id, living or not, as the transaction sees it. */
  byId(query: Tx['query'], id: string): Promise<Grant | null>;
  list(filter: GrantFilter, page: { beforeId: string | null; limit: number }): Promise<Grant[]>;
  /** Adds to what was allowed at that place, or begins it. May be run again after `UniqueViolation`. */
  give(tx: Tx, actor: Actor, allowed: Allowed): Promise<Grant>;
  /** Notes that it gave a code or tokens; written down in batches. */
  noteUsed(id: string): void;
  flush(): Promise<void>;
  prune(): Promise<void>;
}

export interface GrantsDeps {
  database: Database;
  changes: Changes;
  clock: Clock;
  randomBytes: RandomBytes;
  recordAudit: RecordAudit;
  tokens: Pick<Tokens, 'raiseWatermark'>;
  /** Hears of each grant that somebody withdrew. */
  onWithdrawn(): void;
}

export const GRANT_CHANGE = 'grant';
const MAX_RECORDS = 100_000;
const DAY_MS = 86_400_000;
/** How long a grant that ended stays, for whoever looks. */
const ENDED_KEPT_MS = 30 * DAY_MS;
const PRUNE_STEP = 500;

const keyOf = ({ userId, clientId, workspaceId, audience }: GrantPlace) =>
  `${userId}\n${clientId}\n${workspaceId}\n${audience}`;

function placeOf(key: string): GrantPlace {
  const [userId = '', clientId = '', workspaceId = '', audience = ''] = key.split('\n');
  return { userId, clientId, workspaceId, audience };
}

export function toGrant(row: GrantRow): Grant {
  return {
    id: row.id,
    userId: row.user_id,
    clientId: row.client_id,
    workspaceId: row.workspace_id,
    environment: row.environment,
    audience: row.audience,
    scopes: JSON.parse(row.scopes) as string[],
    redirects: JSON.parse(row.redirects) as string[],
    createdAtMs: row.created_at,
    updatedAtMs: row.updated_at,
    lastUsedAtMs: row.last_used_at,
    revokedAtMs: row.revoked_at,
  };
}

/** What lives at a place, as the query sees it. */
export async function livingGrantAt(query: Tx['query'], place: GrantPlace): Promise<Grant | null> {
  const row = await livingGrant(query, place);
  return row ? toGrant(row) : null;
}

const added = (known: readonly string[], more: readonly string[]) => [...new Set([...known, ...more])];

/** Programs on a device listen at another port each time: the last of them are enough. */
const MOST_REDIRECTS = 20;

function withRedirect(known: readonly string[], redirect: string | null): readonly string[] {
  return redirect === null || known.includes(redirect) ? known : [...known, redirect].slice(-MOST_REDIRECTS);
}

function record({ recordAudit }: GrantsDeps, tx: Tx, actor: Actor, action: string, grant: Grant): Promise<void> {
  const { id, workspaceId, environment, userId, clientId, audience, scopes } = grant;
  const data = { user_id: userId, client_id: clientId, resource: audience, scopes };
  return recordAudit(tx, { action, actor, workspaceId, environment, targetId: id, data });
}

async function begin(deps: GrantsDeps, tx: Tx, actor: Actor, allowed: Allowed): Promise<Grant> {
  const { clock, randomBytes } = deps;
  const nowMs = clock.nowMs();
  const row: GrantRow = {
    id: makeId('grant', nowMs, randomBytes),
    user_id: allowed.userId,
    client_id: allowed.clientId,
    workspace_id: allowed.workspaceId,
    environment: allowed.environment,
    audience: allowed.audience,
    scopes: JSON.stringify(allowed.scopes),
    redirects: JSON.stringify(allowed.redirect === null ? [] : [allowed.redirect]),
    created_at: nowMs,
    updated_at: nowMs,
    last_used_at: nowMs,
    revoked_at: null,
  };
  await insertGrant(tx, row);
  const grant = toGrant(row);
  await record(deps, tx, actor, 'grant.created', grant);
  return grant;
}

async function give(deps: GrantsDeps, tx: Tx, actor: Actor, allowed: Allowed): Promise<Grant> {
  const row = await lockGrant(tx, allowed);
  if (!row) return begin(deps, tx, actor, allowed);
  const known = toGrant(row);
  const scopes = added(known.scopes, allowed.scopes);
  const redirects = withRedirect(known.redirects, allowed.redirect);
  if (scopes.length === known.scopes.length && redirects === known.redirects) return known;
  const grant: Grant = { ...known, scopes, redirects, updatedAtMs: deps.clock.nowMs() };
  await updateGrant(tx, grant.id, {
    scopes: JSON.stringify(scopes),
    redirects: JSON.stringify(redirects),
    updated_at: grant.updatedAtMs,
  });
  await deps.changes.record(tx, { kind: GRANT_CHANGE, ref: grant.id });
  await record(deps, tx, actor, 'grant.updated', grant);
  return grant;
}

async function prune({ database, clock }: GrantsDeps): Promise<void> {
  const beforeMs = clock.nowMs() - ENDED_KEPT_MS;
  let removed = PRUNE_STEP;
  while (removed === PRUNE_STEP) {
    removed = await database.write((tx) => deleteEndedGrants(tx, beforeMs, PRUNE_STEP));
  }
}

export function createGrants(deps: GrantsDeps): Grants {
  const { database, changes, clock } = deps;
  const used = new Map<string, number>();
  const cache = createRecordCache<Grant>({
    changes,
    maxEntries: MAX_RECORDS,
    refsOf: ({ id }) => [id],
    load: (key) => livingGrantAt(database.read, placeOf(key)),
  });
  return {
    peek: (place) => cache.peek(keyOf(place)),
    find: (place) => cache.fetch(keyOf(place)),
    byId: async (query, id) => {
      const row = await grantById(query, id);
      return row ? toGrant(row) : null;
    },
    list: async (filter, page) => (await listGrants(database.read, filter, page)).map(toGrant),
    give: (tx, actor, allowed) => give(deps, tx, actor, allowed),
    noteUsed: (id) => void used.set(id, clock.nowMs()),
    flush: async () => {
      if (used.size === 0) return;
      const rows = [...used];
      used.clear();
      await database.write((tx) => markUsed(tx, rows));
    },
    prune: () => prune(deps),
  };
}
