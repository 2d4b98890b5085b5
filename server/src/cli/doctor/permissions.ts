import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { SettingsReport } from '../../config/index.ts';
import { type Finding, findingsOf } from './finding.ts';

const say = findingsOf('permissions');

/** Files with what nobody else may read, and the mode that keeps them so. */
function privatePaths({ config, settings }: SettingsReport): [path: string, mode: string][] {
  if (!config) return [];
  const secrets = settings.flatMap(({ source, reference }) =>
    (source === 'file' || source === 'generated') && reference !== null ? [reference] : [],
  );
  const tlsKey = settings.find(({ name, source }) => name === 'LATCHKEY_TLS_KEY' && source === 'environment')?.value;
  const database = config.database.kind === 'sqlite' ? [config.database.path, `${config.database.path}-wal`] : [];
  const made = ['root-key', 'encryption-keys'].map((name) => join(config.dataDir, name));
  const files = [...new Set([...secrets, ...(tlsKey ? [tlsKey] : []), ...database, ...made])];
  return [[config.dataDir, '700'], ...files.map((path): [string, string] => [path, '600'])];
}

/**
 * Whether others on this machine may read what is secret. What belongs to somebody else was put there for us, as
 * containers mount secrets: its mode is not ours to change.
 */
export function permissionFindings(report: SettingsReport): Finding[] {
  if (process.platform === 'win32') return [];
  const open = privatePaths(report).flatMap(([path, mode]) => {
    const found = statSync(path, { throwIfNoEntry: false });
    if (!found || (found.mode & 0o077) === 0) return [];
    if (found.uid === process.getuid?.()) return [say.warning(`other users may read ${path}`, `chmod ${mode} ${path}`)];
    return [say.note(`${path} belongs to user ${found.uid}, who lets others read it`)];
  });
  return open.length > 0 ? open : [say.ok('data dir and secret files are readable for this user alone')];
}
