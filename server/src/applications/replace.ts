import type { Actor } from '../audit/index.ts';
import type { Tx } from '../database/index.ts';
import { Failure } from '../failure.ts';
import type { ApplicationDeps } from './deps.ts';
import { notedUris } from './noted-uris.ts';
import { checkSettings, needsSecret, signsBySecret } from './rules.ts';
import { mintClientSecret, noteApplication } from './secrets.ts';
import { type ApplicationSettings, rowOfSettings } from './settings.ts';
import { deleteSecrets, lockApplication, secretsOf, updateApplication } from './store.ts';
import type { ApplicationRow } from './tables.ts';

export interface ReplacedApplication {
  row: ApplicationRow;
  /** A secret that it needs now and had not before; null for none. */
  secret: { text: string } | null;
}

/**
 * Puts other settings in the place of all that an application has (RFC 7592 §2.2). Secrets of one that needs none any more
 * are gone; one that needs its first, or one that others can verify by, gets it. Throws `not_found`, `validation_failed`.
 */
export async function replaceSettings(
  deps: ApplicationDeps,
  tx: Tx,
  actor: Actor,
  { id, settings }: { id: string; settings: ApplicationSettings },
): Promise<ReplacedApplication> {
  checkSettings(settings);
  const before = await lockApplication(tx, { workspaceId: null, environment: null }, id);
  const row = before && (await updateApplication(tx, id, rowOfSettings(settings)));
  if (!row) throw new Failure('not_found');
  const secrets = await secretsOf(tx.query, id);
  const fits = secrets.filter(({ secret_sealed: sealed }) => (sealed !== null) === signsBySecret(settings));
  const isNeeded = needsSecret(settings);
  const kept = isNeeded ? fits : [];
  await deleteSecrets(
    tx,
    secrets.filter((each) => !kept.includes(each)).map((each) => each.id),
  );
  const made = { by: actor.id ?? 'system', expiresAtMs: null };
  const secret = isNeeded && kept.length === 0 ? await mintClientSecret(deps, tx, { id, settings }, made) : null;
  const { name, type, scopes, redirectUris } = settings;
  const data = { name, type, scopes, ...notedUris(redirectUris), secret_hint: secret?.row.hint ?? null };
  await noteApplication(deps, tx, row, { action: 'application.updated', actor, data });
  return { row, secret };
}
