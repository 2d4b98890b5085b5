import { mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EXIT } from '../exit-codes.ts';
import type { Host } from '../host.ts';
import { CommandFailure } from '../refusal.ts';

/** A server and how to speak to it, under a name of the user's. */
export interface ContextEntry {
  server: string;
  /** The key itself, or the absolute path of the file that holds it. */
  key?: string;
  key_file?: string;
  /** Plain http to another machine was allowed when the context was made. */
  allow_http?: true;
}

export interface Contexts {
  current: string | null;
  contexts: Record<string, ContextEntry>;
}

/** `contexts.json` in the user's configuration folder (XDG Base Directory Specification). */
export function contextsPath({ environment }: Pick<Host, 'environment'>): string | null {
  const { XDG_CONFIG_HOME: configHome, HOME: home } = environment;
  // The specification wants absolute paths, and others to be ignored.
  if (configHome?.startsWith('/')) return join(configHome, 'latchkey', 'contexts.json');
  return home ? join(home, '.config', 'latchkey', 'contexts.json') : null;
}

const isText = (value: unknown) => value === undefined || typeof value === 'string';

function isContexts(value: unknown): value is Contexts {
  const { current, contexts } = (value ?? {}) as Partial<Contexts>;
  if (current !== null && typeof current !== 'string') return false;
  if (typeof contexts !== 'object' || contexts === null || Array.isArray(contexts)) return false;
  return Object.values(contexts).every(
    (entry) => typeof entry?.server === 'string' && isText(entry.key) && isText(entry.key_file),
  );
}

/** Refuses a file with a secret that others on this machine may read. */
export function checkPrivate(path: string): void {
  const { mode } = statSync(path);
  if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
    throw new CommandFailure(`${path} may be read by other users; run: chmod 600 ${path}`, EXIT.usage);
  }
}

/** What was saved; nothing when the file is not there. */
export function readContexts(host: Pick<Host, 'environment'>): Contexts {
  const path = contextsPath(host);
  let text: string;
  try {
    if (path === null) return { current: null, contexts: {} };
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { current: null, contexts: {} };
    throw new CommandFailure(`${path} cannot be read (${(error as NodeJS.ErrnoException).code})`, EXIT.usage);
  }
  checkPrivate(path);
  try {
    const value: unknown = JSON.parse(text);
    if (isContexts(value)) return value;
  } catch {}
  throw new CommandFailure(`${path} holds no contexts; mend it, or remove it and add them again`, EXIT.usage);
}

/** Written beside and moved into place, readable for this user alone. */
export function writeContexts(host: Pick<Host, 'environment' | 'randomBytes'>, contexts: Contexts): void {
  const path = contextsPath(host);
  if (path === null) throw new CommandFailure('HOME is not set, so contexts have no place to be kept', EXIT.usage);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${Buffer.from(host.randomBytes(6)).toString('hex')}`;
  try {
    writeFileSync(temporary, `${JSON.stringify(contexts, null, 2)}\n`, { mode: 0o600, flag: 'wx', flush: true });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
