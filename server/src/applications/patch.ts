import type { Actor } from '../audit/index.ts';
import type { Tx } from '../database/index.ts';
import { Failure } from '../failure.ts';
import { type ApplicationGrantor, refuseWiderApplication, rootOnly } from './authority.ts';
import type { ApplicationDeps } from './deps.ts';
import { notedUris } from './noted-uris.ts';
import { checkSettings } from './rules.ts';
import { noteApplication } from './secrets.ts';
import { type ApplicationSettings, rowOfSettings, settingsOf } from './settings.ts';
import { type ApplicationReach, lockApplication, updateApplication } from './store.ts';
import type { ApplicationRow } from './tables.ts';

export interface ApplicationPatch {
  reach: ApplicationReach;
  id: string;
  settings: Partial<ApplicationSettings>;
  isDisabled: boolean | undefined;
  grantor: ApplicationGrantor;
  actor: Actor;
  limitsOf(row: Pick<ApplicationRow, 'plan' | 'limits'>): ApplicationGrantor['limits'];
}

/** What people are shown, and what only takes away: no power changes hands by these. */
const HARMLESS = new Set<keyof ApplicationSettings>(['name', 'clientUri', 'logoUri', 'policyUri', 'tosUri']);

function isHarmless(name: keyof ApplicationSettings, before: ApplicationSettings, after: ApplicationSettings): boolean {
  if (JSON.stringify(before[name]) === JSON.stringify(after[name]) || HARMLESS.has(name)) return true;
  if (name === 'scopes') return after.scopes.every((scope) => before.scopes.includes(scope));
  return name === 'requirePkce' && after.requirePkce;
}

/** Who may turn an application to their own ends must hold all that it may do. */
function refuseWidening(
  deps: ApplicationDeps,
  { grantor, limitsOf, isDisabled, settings }: ApplicationPatch,
  before: ApplicationRow,
  after: ApplicationSettings,
): void {
  const had = settingsOf(before);
  const names = Object.keys(settings) as (keyof ApplicationSettings)[];
  const isRevived = before.disabled === 1 && isDisabled === false;
  if (!isRevived && names.every((name) => isHarmless(name, had, after))) return;
  if (had.consent === 'skip' && grantor.principal.kind !== 'root') throw rootOnly();
  refuseWiderApplication(deps.catalogue, grantor, after, limitsOf(rowOfSettings(after)));
}

/** Whether it may ask for less than before: fewer scopes, or fewer resources. */
function isNarrowed({ catalogue }: ApplicationDeps, before: ApplicationSettings, after: ApplicationSettings): boolean {
  if (catalogue.beyond(before.scopes, catalogue.expand(after.scopes)).length > 0) return true;
  const kept = after.resources;
  return kept !== null && (before.resources?.some((id) => !kept.includes(id)) ?? true);
}

/**
 * Changes an application. It reaches this process before the call returns; disabling ends all its tokens, and taking
 * scopes or resources away its access tokens. Throws `not_found` for one that cannot be seen.
 */
export async function patchApplication(
  deps: ApplicationDeps,
  tx: Tx,
  patch: ApplicationPatch,
): Promise<ApplicationRow> {
  const { reach, id, settings, isDisabled, actor } = patch;
  await deps.holdGrantor(tx, patch.grantor.principal);
  const before = await lockApplication(tx, reach, id);
  if (!before) throw new Failure('not_found');
  const after = { ...settingsOf(before), ...settings };
  checkSettings(after);
  refuseWidening(deps, patch, before, after);
  const disabled = isDisabled === undefined ? before.disabled : Number(isDisabled);
  const changed = Object.keys(settings);
  if (changed.length === 0 && disabled === before.disabled) return before;
  const row = await updateApplication(tx, id, { ...rowOfSettings(after), disabled });
  if (!row) throw new Failure('not_found');
  if (disabled === 1 && before.disabled === 0) await deps.endClient(tx, id, 'application_disabled');
  else if (isNarrowed(deps, settingsOf(before), after)) await deps.endClient(tx, id, 'application_narrowed');
  const data = { changed, disabled: disabled === 1, before: powersOf(before), after: powersOf(row) };
  await noteApplication(deps, tx, row, { action: 'application.updated', actor, data });
  return row;
}

/** What an auditor wants to see before and after. */
function powersOf(row: ApplicationRow): Record<string, unknown> {
  const { scopes, redirectUris, grantTypes, authMethod, consent, requirePkce, plan, limits } = settingsOf(row);
  return {
    scopes,
    ...notedUris(redirectUris),
    grant_types: grantTypes,
    token_endpoint_auth_method: authMethod,
    consent,
    require_pkce: requirePkce,
    plan,
    limits,
  };
}
