import { makeId } from '@latchkey/protocol';
import type { Actor, RecordAudit } from '../audit/index.ts';
import type { Clock } from '../clock.ts';
import type { RandomBytes } from '../crypto/index.ts';
import { type Tx, UniqueViolation } from '../database/index.ts';
import { Failure, invalidField } from '../failure.ts';
import { countScopesOf } from '../scopes/index.ts';
import type { Changes } from '../shared-state/index.ts';
import { type AlgorithmName, DEFAULT_ALGORITHM } from '../signing-keys/index.ts';
import { audienceProblem } from './audience.ts';
import { defaultAudience, RESOURCES_CHANGE } from './live-resources.ts';
import { DEFAULT_TTL_SECONDS } from './resource.ts';
import { deleteResource, insertResource, lockResource, setAudiences, updateResource } from './store.ts';
import type { ResourceRow } from './tables.ts';

export interface ResourceWriteDeps {
  clock: Clock;
  randomBytes: RandomBytes;
  changes: Changes;
  recordAudit: RecordAudit;
  issuer(): string;
}

export interface ResourceInput {
  name?: string | undefined;
  /** Null: the default resource follows the issuer again. */
  audience?: string | null | undefined;
  token_format?: 'jwt' | 'opaque' | undefined;
  signing_alg?: AlgorithmName | undefined;
  access_token_ttl_seconds?: number | undefined;
  accepted_audiences?: string[] | undefined;
}

/** Every string that this resource alone may be addressed as. Throws when one is none, or stands twice. */
function audiencesOf(row: ResourceRow, issuer: string): string[] {
  const accepted = JSON.parse(row.accepted_audiences) as string[];
  const fields: [string, string][] = accepted.map((each, index) => [`accepted_audiences.${index}`, each]);
  if (row.audience !== null) fields.unshift(['audience', row.audience]);
  const seen = new Set(row.audience === null ? [defaultAudience(issuer)] : []);
  for (const [path, audience] of fields) {
    const problem = audienceProblem(audience, issuer);
    if (problem !== null) throw invalidField(path, problem);
    // Free only for the default resource: it may be told to follow the issuer again.
    if (row.is_default === 0 && audience === defaultAudience(issuer)) {
      throw invalidField(path, 'is the audience of the default resource');
    }
    if (seen.has(audience)) throw invalidField(path, 'stands there twice');
    seen.add(audience);
  }
  return fields.map(([, audience]) => audience);
}

async function orTaken<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof UniqueViolation) {
      throw new Failure('conflict', 'Another resource has this audience, or accepts it.');
    }
    throw error;
  }
}

async function note(deps: ResourceWriteDeps, tx: Tx, actor: Actor, action: string, row: ResourceRow, data: object) {
  await deps.changes.record(tx, RESOURCES_CHANGE);
  await deps.recordAudit(tx, { action, actor, workspaceId: null, targetId: row.id, data: { ...data } });
}

/** Adds a resource. Throws `conflict` when one of its audiences is another's. */
export async function createResource(
  deps: ResourceWriteDeps,
  tx: Tx,
  actor: Actor,
  input: ResourceInput & { name: string; audience: string },
): Promise<ResourceRow> {
  const nowMs = deps.clock.nowMs();
  const row: ResourceRow = {
    id: makeId('resource', nowMs, deps.randomBytes),
    name: input.name,
    audience: input.audience,
    token_format: input.token_format ?? 'jwt',
    signing_alg: input.signing_alg ?? DEFAULT_ALGORITHM,
    access_token_ttl_seconds: input.access_token_ttl_seconds ?? DEFAULT_TTL_SECONDS,
    accepted_audiences: JSON.stringify(input.accepted_audiences ?? []),
    is_default: 0,
    created_at: nowMs,
  };
  await orTaken(insertResource(tx, row, audiencesOf(row, deps.issuer())));
  await note(deps, tx, actor, 'resource.created', row, { name: row.name, audience: row.audience });
  return row;
}

/** Changes a resource. Tokens for an audience that it had are refused from now on. Throws `not_found`, `conflict`. */
export async function patchResource(
  deps: ResourceWriteDeps,
  tx: Tx,
  actor: Actor,
  id: string,
  { accepted_audiences: accepted, ...input }: ResourceInput,
): Promise<ResourceRow> {
  const before = await lockResource(tx, id);
  if (!before) throw new Failure('not_found');
  const said = Object.entries(input).filter(([, value]) => value !== undefined);
  const changed: Partial<ResourceRow> = Object.fromEntries(said);
  if (accepted !== undefined) changed.accepted_audiences = JSON.stringify(accepted);
  if (Object.keys(changed).length === 0) return before;
  if (changed.audience === null && before.is_default === 0) {
    throw invalidField('audience', 'only the default resource follows the issuer');
  }
  const after = { ...before, ...changed };
  await orTaken(setAudiences(tx, id, audiencesOf(after, deps.issuer())));
  const row = await updateResource(tx, id, changed);
  if (!row) throw new Failure('not_found');
  await note(deps, tx, actor, 'resource.updated', row, changed);
  return row;
}

/** Removes a resource that no scope belongs to. Throws `not_found`; `conflict` while one does, and for the default one. */
export async function removeResource(deps: ResourceWriteDeps, tx: Tx, actor: Actor, id: string): Promise<void> {
  const row = await lockResource(tx, id);
  if (!row) throw new Failure('not_found');
  if (row.is_default === 1) {
    throw new Failure('conflict', 'The default resource is what a token is for when nobody names another.');
  }
  const scopes = await countScopesOf(tx.query, id);
  if (scopes > 0) {
    throw new Failure('conflict', `Scopes belong to this resource (${scopes}); remove or move them first.`);
  }
  await deleteResource(tx, id);
  await note(deps, tx, actor, 'resource.deleted', row, { name: row.name, audience: row.audience });
}
