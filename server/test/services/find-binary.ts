import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, globSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

export interface WantedBinary {
  name: string;
  /** Folders to look into after PATH; a `*` stands for any one name, the highest version wins. */
  also: string[];
  debianPackage: string;
  /** Whether a program of that name will do; any unless said. */
  accepts?: (path: string) => boolean;
  /** The environment variable that names a running service instead, for the error text. */
  insteadOf?: string;
  /** Whether a missing package may be installed; root on Debian unless said. */
  mayInstall?: boolean;
}

/** The full path of a program: from PATH, else the usual folders, else installed when root on Debian, else an error. */
export function findBinary(wanted: WantedBinary): string {
  const found = look(wanted);
  if (found !== undefined) return found;
  const mayInstall = wanted.mayInstall ?? (process.getuid?.() === 0 && existsSync('/etc/debian_version'));
  if (mayInstall) install(wanted.debianPackage);
  const installed = look(wanted);
  if (installed !== undefined) return installed;
  const other = wanted.insteadOf === undefined ? '' : `, or set ${wanted.insteadOf} to a running one`;
  throw new Error(
    `${wanted.name} is neither on PATH nor in ${wanted.also.join(', ') || 'any other known folder'}. ` +
      `Install it: sudo apt-get install -y --no-install-recommends ${wanted.debianPackage}${other}`,
  );
}

function look({ name, also, accepts = () => true }: WantedBinary): string | undefined {
  const onPath = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== '');
  const byVersion = new Intl.Collator('en', { numeric: true });
  const usual = also.flatMap((pattern) => globSync(pattern).sort((a, b) => byVersion.compare(b, a)));
  return [...onPath, ...usual].map((folder) => join(folder, name)).find((path) => isExecutable(path) && accepts(path));
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function install(debianPackage: string): void {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const lock = ['-o', 'DPkg::Lock::Timeout=120'];
  process.stderr.write(`latchkey: installing ${debianPackage} for the tests (once)\n`);
  for (const args of [['update'], ['install', '-y', '--no-install-recommends', debianPackage]]) {
    spawnSync('apt-get', [...lock, ...args], { env, stdio: ['ignore', 2, 2] });
  }
}
