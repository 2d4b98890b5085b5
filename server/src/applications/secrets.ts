import { makeId, mintSecret, secretHint } from '@latchkey/protocol';
import type { Actor } from '../audit/index.ts';
import { secretsEqual, sha256Hex } from '../crypto/index.ts';
import type { Tx } from '../database/index.ts';
import { Failure, invalidField } from '../failure.ts';
import { makerOf } from '../http/index.ts';
import type { SealedColumn } from '../sealed-values/index.ts';
import { type ApplicationGrantor, latestExpiryOf, refuseWiderApplication } from './authority.ts';
import type { ApplicationDeps } from './deps.ts';
import { keepsSecrets, signsBySecret } from './rules.ts';
import { type ApplicationSettings, settingsOf } from './settings.ts';
import {
  type ApplicationReach,
  deleteSecret,
  deleteSecrets,
  endSecretsAt,
  insertSecret,
  lockApplication,
  secretsOf,
} from './store.ts';
import type { ApplicationRow, ClientSecretRow } from './tables.ts';

/** One in use, and one that takes its place (contract §6). */
export const MOST_LIVE_SECRETS = 2;

export const secretContext = (id: string) => `client_secrets.secret:${id}`;

/** Where this domain keeps what is sealed. */
export const applicationsSealedColumns: readonly SealedColumn[] = [
  { table: 'client_secrets', id: 'id', column: 'secret_sealed', context: secretContext },
];

export const isLive = ({ expires_at: expiresAtMs }: Pick<ClientSecretRow, 'expires_at'>, nowMs: number) =>
  expiresAtMs === null || expiresAtMs > nowMs;

/** Tells caches and the audit log of a deed. */
export async function noteApplication(
  deps: Pick<ApplicationDeps, 'changes' | 'recordAudit'>,
  tx: Tx,
  { id, workspace_id: workspaceId, environment }: ApplicationRow,
  { action, actor, data }: { action: string; actor: Actor; data: Record<string, unknown> },
): Promise<void> {
  await deps.changes.record(tx, { kind: 'application', ref: id });
  await deps.recordAudit(tx, { action, actor, workspaceId, environment, targetId: id, data });
}

/** Makes a secret's row. The text is returned here and nowhere again. */
export async function mintClientSecret(
  deps: ApplicationDeps,
  tx: Tx,
  client: { id: string; settings: Pick<ApplicationSettings, 'authMethod' | 'allowsSelfSignedJwt'> },
  made: { by: string; expiresAtMs: number | null },
): Promise<{ row: ClientSecretRow; text: string }> {
  const nowMs = deps.clock.nowMs();
  const id = makeId('client_secret', nowMs, deps.randomBytes);
  const text = mintSecret('client_secret', deps.randomBytes);
  const row: ClientSecretRow = {
    id,
    client_id: client.id,
    secret_hash: sha256Hex(text),
    secret_sealed: signsBySecret(client.settings) ? deps.envelope.seal(text, secretContext(id)) : null,
    hint: secretHint(text),
    created_by: made.by,
    created_at: nowMs,
    expires_at: made.expiresAtMs,
    last_used_at: null,
  };
  await insertSecret(tx, row);
  return { row, text };
}

export interface SecretRequest {
  reach: ApplicationReach;
  clientId: string;
  grantor: ApplicationGrantor;
  actor: Actor;
  limitsOf(row: ApplicationRow): ApplicationGrantor['limits'];
  /** Undefined: as long as whoever asks lives. */
  expiresAtMs: number | null | undefined;
  /** How long those so far are good still; null: as long as they were. */
  overlapMs: number | null;
}

/** Ends those so far as the overlap says: the newest after it, older ones at once. */
async function endOthers(tx: Tx, live: readonly ClientSecretRow[], nowMs: number, overlapMs: number): Promise<void> {
  const newest = live.at(-1);
  const older = live.slice(0, -1);
  await deleteSecrets(
    tx,
    older.map(({ id }) => id),
  );
  if (!newest) return;
  if (overlapMs === 0) await deleteSecrets(tx, [newest.id]);
  else await endSecretsAt(tx, [newest.id], Math.min(nowMs + overlapMs, newest.expires_at ?? Number.POSITIVE_INFINITY));
}

function expiryWithin(grantor: ApplicationGrantor, wanted: number | null | undefined, nowMs: number): number | null {
  const latest = latestExpiryOf(grantor.principal);
  if (wanted === undefined) return latest;
  if (wanted !== null && wanted <= nowMs) throw invalidField('expires_at', 'must lie in the future');
  if (latest !== null && (wanted === null || wanted > latest)) {
    throw invalidField('expires_at', 'must not be later than the expiry of the credential that makes it');
  }
  return wanted;
}

/**
 * Gives an application one more secret, which whoever asks may then use: so they must hold all that it may do. Throws
 * `conflict` when two live already and `overlapMs` is null.
 */
export async function addSecret(
  deps: ApplicationDeps,
  tx: Tx,
  request: SecretRequest,
): Promise<{ row: ClientSecretRow; text: string }> {
  const { grantor, actor, overlapMs } = request;
  const nowMs = deps.clock.nowMs();
  await deps.holdGrantor(tx, grantor.principal);
  const row = await lockApplication(tx, request.reach, request.clientId);
  if (!row) throw new Failure('not_found');
  const settings = settingsOf(row);
  if (!keepsSecrets(settings)) throw new Failure('conflict', `A ${row.type} application keeps no secret.`);
  // Whoever skips consent was given that by root; a secret adds nothing to it.
  refuseWiderApplication(deps.catalogue, grantor, { ...settings, consent: 'ask' }, request.limitsOf(row));
  const expiresAtMs = expiryWithin(grantor, request.expiresAtMs, nowMs);
  const all = await secretsOf(tx.query, row.id);
  const live = all.filter((secret) => isLive(secret, nowMs));
  if (overlapMs === null && live.length >= MOST_LIVE_SECRETS) {
    throw new Failure('conflict', 'The application has two secrets. Delete one first, or give an overlap.');
  }
  await deleteSecrets(
    tx,
    all.filter((secret) => !isLive(secret, nowMs)).map(({ id }) => id),
  );
  if (overlapMs !== null) await endOthers(tx, live, nowMs, overlapMs);
  const made = await mintClientSecret(
    deps,
    tx,
    { id: row.id, settings },
    { by: makerOf(grantor.principal), expiresAtMs },
  );
  const data = { secret_id: made.row.id, hint: made.row.hint, expires_at: expiresAtMs, overlap_ms: overlapMs };
  await noteApplication(deps, tx, row, { action: 'application.secret_created', actor, data });
  return made;
}

/** Whether a text is a secret of this application, live or not. */
export async function isClientSecret(tx: Tx, clientId: string, text: string): Promise<boolean> {
  const hash = sha256Hex(text);
  return (await secretsOf(tx.query, clientId)).some((secret) => secretsEqual(secret.secret_hash, hash));
}

/** Ends a secret now. Throws `not_found`. */
export async function removeSecret(
  deps: ApplicationDeps,
  tx: Tx,
  actor: Actor,
  { reach, clientId, secretId }: { reach: ApplicationReach; clientId: string; secretId: string },
): Promise<void> {
  const row = await lockApplication(tx, reach, clientId);
  if (!row || !(await deleteSecret(tx, clientId, secretId))) throw new Failure('not_found');
  await noteApplication(deps, tx, row, { action: 'application.secret_revoked', actor, data: { secret_id: secretId } });
}
