import { makeId } from '@latchkey/protocol';
import type { Actor } from '../audit/index.ts';
import type { Tx } from '../database/index.ts';
import { makerOf } from '../http/index.ts';
import type { Limits } from '../limits/index.ts';
import { type ApplicationGrantor, latestExpiryOf, refuseWiderApplication } from './authority.ts';
import type { ApplicationDeps } from './deps.ts';
import { notedUris } from './noted-uris.ts';
import { checkSettings, needsSecret } from './rules.ts';
import { mintClientSecret, noteApplication } from './secrets.ts';
import { type ApplicationSettings, rowOfSettings } from './settings.ts';
import { insertApplication } from './store.ts';
import type { ApplicationRow, ClientSecretRow } from './tables.ts';

export interface NewApplication {
  /** Null: it registers itself. */
  workspaceId: string | null;
  settings: ApplicationSettings;
  /** Null for the system itself. */
  grantor: ApplicationGrantor | null;
  actor: Actor;
  /** What it will live under. */
  limits: Limits;
}

export interface MadeApplication {
  row: ApplicationRow;
  /** Null where it needs none. */
  secret: { row: ClientSecretRow; text: string } | null;
}

/** Makes an application, and its first secret where it needs one; the text of that is returned here and nowhere again. */
export async function createApplication(
  deps: ApplicationDeps,
  tx: Tx,
  { workspaceId, settings, grantor, actor, limits }: NewApplication,
): Promise<MadeApplication> {
  if (grantor) await deps.holdGrantor(tx, grantor.principal);
  checkSettings(settings);
  if (grantor) refuseWiderApplication(deps.catalogue, grantor, settings, limits);
  const nowMs = deps.clock.nowMs();
  const by = grantor ? makerOf(grantor.principal) : 'system';
  const row: ApplicationRow = {
    id: makeId('application', nowMs, deps.randomBytes),
    workspace_id: workspaceId,
    ...rowOfSettings(settings),
    self_registered: workspaceId === null ? 1 : 0,
    disabled: 0,
    created_by: by,
    created_at: nowMs,
  };
  await insertApplication(tx, row);
  const expiresAtMs = grantor ? latestExpiryOf(grantor.principal) : null;
  const client = { id: row.id, settings };
  const secret = needsSecret(settings) ? await mintClientSecret(deps, tx, client, { by, expiresAtMs }) : null;
  const { name, type, scopes, redirectUris } = settings;
  const data = { name, type, scopes, ...notedUris(redirectUris), secret_hint: secret?.row.hint ?? null };
  await noteApplication(deps, tx, row, { action: 'application.created', actor, data });
  return { row, secret };
}
