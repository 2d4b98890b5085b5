import { makeId } from '@latchkey/protocol';
import type { Actor, RecordAudit } from '../audit/index.ts';
import type { Clock } from '../clock.ts';
import type { Envelope, RandomBytes } from '../crypto/index.ts';
import { type Tx, UniqueViolation } from '../database/index.ts';
import { Failure } from '../failure.ts';
import { type Environment, makerOf, type Principal } from '../http/index.ts';
import type { Resource } from '../resources/index.ts';
import type { Changes } from '../shared-state/index.ts';
import { secretContext } from './issuer.ts';
import { ISSUERS_CHANGE } from './live-issuers.ts';
import { deleteIssuer, type IssuerReach, insertIssuer, lockIssuer, updateIssuer } from './store.ts';
import type { TrustedIssuerRow } from './tables.ts';
import {
  defaultAlgorithms,
  type IssuerInput,
  refuseWidening,
  refuseWrong,
  resourceIdOf,
  resourceOfWanted,
  type WantedContext,
  type WantedIssuer,
} from './wanted.ts';

export interface IssuerWriteDeps extends WantedContext {
  clock: Clock;
  randomBytes: RandomBytes;
  changes: Changes;
  recordAudit: RecordAudit;
  envelope: Envelope;
  /** Refuses a key that was ended meanwhile, and holds one that was not until the transaction ends. */
  holdGrantor(tx: Tx, principal: Principal): Promise<void>;
  /** Ends the access tokens that assertions of an issuer were exchanged for. */
  endIssuer(tx: Tx, id: string, reason: string): Promise<void>;
}

/** Who writes, and whether tokens for a resource are this workspace's to give (contract §7). */
export interface Writing {
  principal: Principal;
  actor: Actor;
  ownsResource: boolean;
}

function refuseForeignResource({ ownsResource }: Writing, resource: Resource): void {
  if (ownsResource) return;
  throw new Failure(
    'forbidden',
    `The resource ${resource.audience} is the operator's: the root key registers issuers for it.`,
  );
}

function columnsOf(wanted: WantedIssuer) {
  return {
    audience: wanted.audience ?? '',
    jwks_uri: wanted.jwksUri,
    jwks: wanted.jwks && JSON.stringify(wanted.jwks),
    algorithms: JSON.stringify([...new Set(wanted.algorithms)]),
    scopes: JSON.stringify([...new Set(wanted.scopes)]),
    resource_id: wanted.resourceId,
  };
}

async function orTaken<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof UniqueViolation)) throw error;
    throw new Failure('conflict', 'This issuer is registered for this audience already, here or in another workspace.');
  }
}

async function note(deps: IssuerWriteDeps, tx: Tx, action: string, actor: Actor, row: TrustedIssuerRow): Promise<void> {
  await deps.changes.record(tx, { ...ISSUERS_CHANGE, ref: row.id });
  const { workspace_id: workspaceId, environment, issuer, audience } = row;
  const scopes = JSON.parse(row.scopes) as string[];
  const data = { issuer, audience, scopes };
  await deps.recordAudit(tx, { action, actor, workspaceId, environment, targetId: row.id, data });
}

/** Registers an issuer. Throws `validation_failed`, `conflict`, `forbidden`, `insufficient_scope`. */
export async function createIssuer(
  deps: IssuerWriteDeps,
  tx: Tx,
  writing: Writing,
  input: IssuerInput & { issuer: string; scopes: string[]; workspaceId: string; environment: Environment },
): Promise<TrustedIssuerRow> {
  await deps.holdGrantor(tx, writing.principal);
  const hasSecret = input.secret !== undefined;
  const wanted: WantedIssuer = {
    issuer: input.issuer,
    audience: input.audience ?? null,
    jwksUri: input.jwks_uri ?? null,
    jwks: input.jwks ?? null,
    secret: input.secret ?? null,
    hasSecret,
    algorithms: input.algorithms ?? defaultAlgorithms(hasSecret),
    scopes: input.scopes,
    resourceId: resourceIdOf(input.resource, deps.resources),
  };
  refuseWrong(wanted, deps);
  refuseForeignResource(writing, resourceOfWanted(wanted, deps));
  refuseWidening(writing.principal, deps.catalogue, wanted.scopes, []);
  const nowMs = deps.clock.nowMs();
  const id = makeId('trusted_issuer', nowMs, deps.randomBytes);
  const row: TrustedIssuerRow = {
    id,
    workspace_id: input.workspaceId,
    environment: input.environment,
    issuer: input.issuer,
    ...columnsOf(wanted),
    secret_sealed: wanted.secret === null ? null : deps.envelope.seal(wanted.secret, secretContext(id)),
    scope_claim: input.scope_claim ?? null,
    created_by: makerOf(writing.principal),
    created_at: nowMs,
  };
  await orTaken(insertIssuer(tx, row));
  await note(deps, tx, 'trusted_issuer.created', writing.actor, row);
  return row;
}

/** The row with what the caller says of it; a new kind of key takes the place of the one before. */
function changed(row: TrustedIssuerRow, input: IssuerInput, resources: WantedContext['resources']): WantedIssuer {
  const hasNewKeys = [input.jwks_uri, input.jwks, input.secret].some((each) => each !== undefined);
  const hasSecret = hasNewKeys ? input.secret !== undefined : row.secret_sealed !== null;
  const swapsKind = hasSecret !== (row.secret_sealed !== null);
  const kept = swapsKind ? defaultAlgorithms(hasSecret) : (JSON.parse(row.algorithms) as WantedIssuer['algorithms']);
  const keptJwks = row.jwks === null ? null : (JSON.parse(row.jwks) as object);
  return {
    issuer: row.issuer,
    audience: input.audience === undefined ? row.audience || null : input.audience,
    jwksUri: hasNewKeys ? (input.jwks_uri ?? null) : row.jwks_uri,
    jwks: hasNewKeys ? (input.jwks ?? null) : keptJwks,
    secret: input.secret ?? null,
    hasSecret,
    algorithms: input.algorithms ?? kept,
    scopes: input.scopes ?? (JSON.parse(row.scopes) as string[]),
    resourceId: input.resource === undefined ? row.resource_id : resourceIdOf(input.resource, resources),
  };
}

/**
 * Changes an issuer; tokens that were verified before are looked at again, and what was given for its assertions ends: what
 * it vouches for now, it can say again. Throws as `createIssuer`, and `not_found`.
 */
export async function patchIssuer(
  deps: IssuerWriteDeps,
  tx: Tx,
  writing: Writing,
  { reach, id, input }: { reach: IssuerReach; id: string; input: IssuerInput },
): Promise<TrustedIssuerRow> {
  await deps.holdGrantor(tx, writing.principal);
  const before = await lockIssuer(tx, reach, id);
  if (!before) throw new Failure('not_found');
  if (Object.values(input).every((value) => value === undefined)) return before;
  const wanted = changed(before, input, deps.resources);
  refuseWrong(wanted, deps);
  refuseForeignResource(writing, resourceOfWanted(wanted, deps));
  refuseWidening(writing.principal, deps.catalogue, wanted.scopes, scopesKept(before, wanted));
  const sealed = wanted.secret === null ? before.secret_sealed : deps.envelope.seal(wanted.secret, secretContext(id));
  const values = {
    ...columnsOf(wanted),
    secret_sealed: wanted.hasSecret ? sealed : null,
    ...(input.scope_claim === undefined ? {} : { scope_claim: input.scope_claim }),
  };
  const row = await orTaken(updateIssuer(tx, id, values));
  if (!row) throw new Failure('not_found');
  await deps.endIssuer(tx, id, 'trusted issuer changed');
  await note(deps, tx, 'trusted_issuer.updated', writing.actor, row);
  return row;
}

/** Scopes that it had are no widening, unless the keys are another's now. */
function scopesKept(before: TrustedIssuerRow, wanted: WantedIssuer): readonly string[] {
  const sameKeys = before.jwks_uri === wanted.jwksUri && wanted.secret === null;
  const sameJwks = before.jwks === (wanted.jwks && JSON.stringify(wanted.jwks));
  return sameKeys && sameJwks ? (JSON.parse(before.scopes) as string[]) : [];
}

/** Forgets an issuer; its tokens, and those given for its assertions, are refused from the next call on. Throws `not_found`. */
export async function removeIssuer(
  deps: IssuerWriteDeps,
  tx: Tx,
  writing: Writing,
  { reach, id }: { reach: IssuerReach; id: string },
): Promise<void> {
  const row = await lockIssuer(tx, reach, id);
  if (!row) throw new Failure('not_found');
  await deleteIssuer(tx, id);
  await deps.endIssuer(tx, id, 'trusted issuer deleted');
  await note(deps, tx, 'trusted_issuer.deleted', writing.actor, row);
}
