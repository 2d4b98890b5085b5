import { isScopeToken } from '@latchkey/protocol';
import type { Actor, RecordAudit } from '../audit/index.ts';
import type { Clock } from '../clock.ts';
import { type Tx, UniqueViolation } from '../database/index.ts';
import { Failure, invalidField } from '../failure.ts';
import type { Changes } from '../shared-state/index.ts';
import { SCOPES_CHANGE } from './catalogue.ts';
import { allScopes, deleteScope, insertScope, scopeByName, updateScope } from './store.ts';
import type { ScopeRow } from './tables.ts';

export interface ScopeWriteDeps {
  clock: Clock;
  changes: Changes;
  recordAudit: RecordAudit;
  /** Whether there is a resource of this id; it stays there until the transaction ends. */
  holdResource(tx: Tx, id: string): Promise<boolean>;
}

export interface ScopeInput {
  description?: string | undefined;
  implies?: string[] | undefined;
  sensitive?: boolean | undefined;
  resource?: string | null | undefined;
}

async function refuseUnknown(tx: Tx, implies: readonly string[], self: string): Promise<void> {
  const names = new Set((await allScopes(tx.query)).map(({ name }) => name));
  const unknown = implies.filter((name) => !names.has(name) && name !== self);
  if (unknown.length > 0) throw invalidField('implies', `unknown: ${unknown.join(', ').slice(0, 300)}`);
}

async function refuseUnknownResource(
  { holdResource }: ScopeWriteDeps,
  tx: Tx,
  { resource }: ScopeInput,
): Promise<void> {
  if (resource == null || (await holdResource(tx, resource))) return;
  throw invalidField('resource', 'is no id of a resource; see GET /v1/resources');
}

/** Adds a product scope. Throws `conflict` when there is one of that name. */
export async function createScope(
  deps: ScopeWriteDeps,
  tx: Tx,
  actor: Actor,
  name: string,
  input: ScopeInput,
): Promise<ScopeRow> {
  if (!isScopeToken(name))
    throw invalidField(
      'name',
      'must be a scope token (RFC 6749 §3.3): printable ASCII, no spaces, quotes or backslashes',
    );
  const implies = input.implies ?? [];
  await refuseUnknown(tx, implies, name);
  await refuseUnknownResource(deps, tx, input);
  const row: ScopeRow = {
    name,
    description: input.description ?? '',
    implies: JSON.stringify(implies),
    sensitive: input.sensitive ? 1 : 0,
    kind: 'product',
    resource: input.resource ?? null,
    created_at: deps.clock.nowMs(),
  };
  try {
    await insertScope(tx, row);
  } catch (error) {
    if (error instanceof UniqueViolation) throw new Failure('conflict', 'There is a scope of this name already.');
    throw error;
  }
  await deps.changes.record(tx, SCOPES_CHANGE);
  await deps.recordAudit(tx, { action: 'scope.created', actor, workspaceId: null, targetId: name, data: { implies } });
  return row;
}

/** Changes what a scope says or implies. Throws `not_found`. */
export async function patchScope(
  deps: ScopeWriteDeps,
  tx: Tx,
  actor: Actor,
  name: string,
  input: ScopeInput,
): Promise<ScopeRow> {
  if (input.implies) await refuseUnknown(tx, input.implies, name);
  await refuseUnknownResource(deps, tx, input);
  const values = {
    ...(input.description === undefined ? {} : { description: input.description }),
    ...(input.implies === undefined ? {} : { implies: JSON.stringify(input.implies) }),
    ...(input.sensitive === undefined ? {} : { sensitive: input.sensitive ? 1 : 0 }),
    ...(input.resource === undefined ? {} : { resource: input.resource }),
  };
  const isEmpty = Object.keys(values).length === 0;
  const row = isEmpty ? await scopeByName(tx.query, name) : await updateScope(tx, name, values);
  if (!row) throw new Failure('not_found');
  if (isEmpty) return row;
  await deps.changes.record(tx, SCOPES_CHANGE);
  await deps.recordAudit(tx, { action: 'scope.updated', actor, workspaceId: null, targetId: name, data: { ...input } });
  return row;
}

/** Removes a product scope; credentials that hold it lose it at once. Latchkey's own are needed and stay. */
export async function removeScope(deps: ScopeWriteDeps, tx: Tx, actor: Actor, name: string): Promise<void> {
  const row = await scopeByName(tx.query, name);
  if (!row) throw new Failure('not_found');
  if (row.kind !== 'product' || name === 'admin') {
    throw new Failure('conflict', 'Latchkey itself asks for this scope; it cannot be removed.');
  }
  await deleteScope(tx, name);
  await deps.changes.record(tx, SCOPES_CHANGE);
  await deps.recordAudit(tx, { action: 'scope.deleted', actor, workspaceId: null, targetId: name });
}
