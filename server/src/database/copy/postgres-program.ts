import { spawn } from 'node:child_process';
import { CopyError } from './snapshot.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Of our environment, what PostgreSQL's programs need: no setting of ours goes there. */
function programEnvironment(environment: Environment): Record<string, string> {
  const wanted = Object.entries(environment).filter(([name]) =>
    /^(?:PATH|HOME|USER|LANG|LC_\w+|TMPDIR|PG\w+)$/.test(name),
  );
  return Object.fromEntries(wanted.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}

/** The URL as `libpq` takes it, without the password, which other users could read on a command line. */
export function forLibpq(url: string): { url: string; password: string | null } {
  const parsed = new URL(url);
  const password = parsed.searchParams.get('password') ?? (decodeURIComponent(parsed.password) || null);
  parsed.password = '';
  // What node's driver alone understands.
  for (const name of ['password', 'uselibpqcompat', 'application_name']) parsed.searchParams.delete(name);
  if (parsed.searchParams.get('sslmode') === 'no-verify') parsed.searchParams.set('sslmode', 'require');
  return { url: parsed.href, password };
}

const CURES: readonly [RegExp, string][] = [
  [
    /server version mismatch|unsupported version/,
    'install the client programs of the version of your PostgreSQL server',
  ],
  [/No space left/, 'make room where the backup goes'],
];

export interface ProgramRun {
  program: 'pg_dump' | 'pg_restore';
  args: readonly string[];
  environment: Environment;
  password?: string | null;
}

/** Runs one of PostgreSQL's programs to its end; resolves to what it wrote. Throws `CopyError` with its own words. */
export function runPostgresProgram({ program, args, environment, password }: ProgramRun): Promise<string> {
  const env = programEnvironment(environment);
  if (password) env.PGPASSWORD = password;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    let [written, said] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      written += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000);
    });
    child.on('error', (error: NodeJS.ErrnoException) => {
      const isMissing = error.code === 'ENOENT';
      const how = `install PostgreSQL's client programs (on Debian: apt-get install postgresql-client)`;
      reject(new CopyError(isMissing ? `${program} is not on PATH: ${how}` : `${program}: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      if (code === 0) return resolve(written);
      const words = said.trim() || `it ended with ${signal ?? code}`;
      const cure = CURES.find(([pattern]) => pattern.test(words))?.[1];
      reject(new CopyError(`${program} failed: ${words}${cure ? `\n${cure}` : ''}`));
    });
  });
}
