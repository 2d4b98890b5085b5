import { resolve } from 'node:path';
import { command, jsonOption } from '../../command.ts';
import type { Context } from '../../context.ts';
import { EXIT } from '../../exit-codes.ts';
import { Interrupted } from '../../refusal.ts';
import { backupParts, bytesText, rowsText, SHOWN_TABLES, withPlainRefusals } from './parts.ts';

const POSITIONALS = {
  folder: {
    value: 'FOLDER',
    description: 'The folder to make; a name with the time when none is given',
    optional: true,
  },
} as const;

type BackupContext = Context<typeof jsonOption, typeof POSITIONALS>;

/** A bar that a copy's own count moves. */
function followProgress({ progress }: BackupContext, signal: AbortSignal) {
  let bar: ReturnType<typeof progress> | null = null;
  let told = 0;
  return {
    move: (done: number, total: number) => {
      signal.throwIfAborted();
      bar ??= progress('Pages copied', total);
      bar.add(done - told);
      told = done;
    },
    end: () => bar?.end(),
  };
}

async function run(context: BackupContext): Promise<number> {
  const { host, positionals, options, json, out, fields } = context;
  const { writeBackup } = await import('../../../backup/index.ts');
  const { deps, place } = await backupParts(host);
  const stamp = new Date(host.clock.nowMs()).toISOString().replace(/[-:]|\.\d+/g, '');
  const folder = resolve(host.workingDir, positionals.folder ?? `latchkey-backup-${stamp}`);
  const signal = host.interruption();
  const following = followProgress(context, signal);
  try {
    const manifest = await withPlainRefusals(() => writeBackup(deps, place, folder, following.move));
    following.end();
    if (options.json) json({ folder, ...manifest });
    else {
      fields([
        ['Backup', folder],
        ['As of', manifest.created_at],
        ['Size', bytesText(manifest.file.bytes)],
        ['Rows', rowsText(manifest.rows, SHOWN_TABLES)],
        ['Audit head', manifest.audit.head],
        ['Needs keys', manifest.encryption_keys.join(', ')],
      ]);
      out('\nChecked. The encryption keys are not in it: keep them elsewhere, as long as the backup.\n');
    }
    return EXIT.done;
  } catch (error) {
    if (signal.aborted) throw new Interrupted();
    throw error;
  } finally {
    following.end();
  }
}

export const backupCommand = command({
  path: 'backup',
  summary: 'Make a checked copy of the database, while the server runs',
  text: [
    'Makes a folder that only you may read, with the database as of one moment and a manifest. On PostgreSQL it needs ' +
      'pg_dump and pg_restore on PATH.',
    'Secrets in it are hashes, or sealed under LATCHKEY_ENCRYPTION_KEYS, which are not part of it: without them a backup ' +
      'cannot be restored. Names, addresses and the audit log are in it as they are.',
  ],
  examples: [
    { line: 'latchkey backup', what: 'Into the working directory' },
    { line: 'latchkey backup /srv/backups/monday --json', what: 'Where you say, with the manifest as JSON' },
  ],
  options: jsonOption,
  positionals: POSITIONALS,
  run,
});
