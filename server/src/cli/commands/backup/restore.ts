import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Manifest, RecordedEvent, Restored } from '../../../backup/index.ts';
import { command, jsonOption, yesOption } from '../../command.ts';
import type { Context } from '../../context.ts';
import { EXIT } from '../../exit-codes.ts';
import { CommandFailure } from '../../refusal.ts';
import { backupParts, bytesText, rowsText, SHOWN_TABLES, withPlainRefusals } from './parts.ts';

const OPTIONS = {
  revocations: {
    type: 'text',
    value: 'FILE',
    description: 'End again what this `latchkey audit export` says ended after the backup',
  },
  'disable-keys': {
    type: 'flag',
    description: 'Disable every key and application; make those active again that you trust',
  },
  force: { type: 'flag', description: 'Move the database that is there aside, and take its place' },
  'dry-run': { type: 'flag', description: 'Only check the backup, and that these settings can use it' },
  ...yesOption,
  ...jsonOption,
} as const;

const POSITIONALS = { folder: { value: 'FOLDER', description: 'What `latchkey backup` made' } } as const;

type RestoreContext = Context<typeof OPTIONS, typeof POSITIONALS>;

async function readRevocations(path: string | undefined): Promise<RecordedEvent[]> {
  if (path === undefined) return [];
  const { parseRevocations } = await import('../../../backup/index.ts');
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new CommandFailure(`--revocations ${path} cannot be read (${(error as { code?: string }).code})`, EXIT.usage);
  }
  return parseRevocations(text);
}

/** What an operator must know before: the time that is lost, and what that means for credentials. */
function windowText({ created_at }: Manifest, { options }: RestoreContext): string {
  const lost = `What happened after ${created_at} is lost: keys made since do not exist`;
  if (options['disable-keys']) return `${lost}, and every key and application will be disabled.`;
  if (options.revocations !== undefined)
    return `${lost}; keys and applications that ended since end again where the file says so.`;
  return `${lost}, and keys and applications that ended since work again (--revocations and --disable-keys are for that).`;
}

function endedText(restored: Restored): string {
  const { endedKeys, suspendedWorkspaces, endedApplications, deletedIssuers, endedGrants, disabledPeople } = restored;
  const ofOAuth = `${endedApplications} applications, ${deletedIssuers} trusted issuers, ${endedGrants} grants`;
  const people = `${disabledPeople} people disabled`;
  return `${endedKeys} keys, ${suspendedWorkspaces} workspaces suspended, ${ofOAuth}, ${people}`;
}

function show({ fields, out }: RestoreContext, place: string, restored: Restored): void {
  const { manifest, movedTo } = restored;
  fields([
    ['Restored', place],
    ['As of', manifest.created_at],
    ['Rows', rowsText(manifest.rows, SHOWN_TABLES)],
    ['Ended again', endedText(restored)],
    ['Disabled', `${restored.disabledKeys} keys, ${restored.disabledApplications} applications`],
    [
      'Not repeated',
      `${restored.otherChanges} other changes, ${restored.unknownKeys} keys that the backup does not have`,
    ],
    ['Moved aside', movedTo],
  ]);
  out('\nStart the server. Quotas count on from the time of the backup: what was used since is not counted.\n');
}

function placeText(place: { kind: 'sqlite'; path: string } | { kind: 'postgres'; url: string }): string {
  if (place.kind === 'sqlite') return place.path;
  const { host, pathname } = new URL(place.url);
  return `PostgreSQL ${host}${pathname}`;
}

async function run(context: RestoreContext): Promise<number> {
  const { host, options, positionals, json, out, confirm } = context;
  const { checkRestorable, restoreBackup } = await import('../../../backup/index.ts');
  const { deps, place } = await backupParts(host);
  const folder = resolve(host.workingDir, positionals.folder);
  return withPlainRefusals(async () => {
    const events = await readRevocations(options.revocations);
    const checked = await checkRestorable(deps, place, folder);
    const { manifest } = checked;
    if (options['dry-run']) {
      if (options.json) json(manifest);
      else out(`The backup is whole: ${bytesText(manifest.file.bytes)}, as of ${manifest.created_at}.\n`);
      return EXIT.done;
    }
    await confirm(`Restore into ${placeText(place)}? ${windowText(manifest, context)}`);
    const disableKeys = options['disable-keys'];
    const restored = await restoreBackup(deps, place, checked, { events, disableKeys, force: options.force });
    if (options.json) json(restored);
    else show(context, placeText(place), restored);
    return EXIT.done;
  });
}

export const restoreCommand = command({
  path: 'restore',
  summary: 'Put a backup back where the settings say that the database is',
  text: [
    'Into an empty place, or with --force into one whose content is moved aside and kept. Everything or nothing: whenever ' +
      'it is interrupted, run it again. Refused while a server runs, and when the encryption keys do not open the backup.',
    'A backup does not know what happened after it: keys and applications that ended since work again. Export the audit log of the old ' +
      'database if it can still be read, and give it with --revocations; or disable them all.',
  ],
  examples: [
    { line: 'latchkey restore /srv/backups/monday', what: 'Asks first' },
    { line: 'latchkey restore /srv/backups/monday --dry-run', what: 'Is it whole, and can it be used here?' },
    {
      line: 'latchkey restore /srv/backups/monday --force --revocations audit.jsonl --yes',
      what: 'In place of a database, ending again what had ended',
    },
    { line: 'latchkey restore /srv/backups/monday --disable-keys --yes', what: 'When nothing else is known' },
  ],
  options: OPTIONS,
  positionals: POSITIONALS,
  run,
});
