import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { mintSecret } from '@latchkey/protocol';
import type { RandomBytes } from '../crypto/index.ts';
import { parseEncryptionKeys } from './parsers.ts';

/** Secrets that a development server makes for itself on first start, each in a file of mode 0600 in the data dir. */
export interface GeneratedSecret {
  text: string;
  /** True on the start that made it. */
  isNew: boolean;
}

export const ROOT_KEY_FILE = 'root-key';
export const ENCRYPTION_KEYS_FILE = 'encryption-keys';

/** Brings the names in the folder to the disk: what is sealed under a key must not outlive it. */
function syncFolder(dataDir: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(dataDir, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/**
 * Reads the file, or makes it. Written beside and linked into place: a crash leaves no half secret, and of two
 * processes that start together both use the one that was first.
 */
function readOrMake(path: string, make: () => string, randomBytes: RandomBytes): GeneratedSecret {
  if (existsSync(path)) return { text: readFileSync(path, 'utf8').trim(), isNew: false };
  const temporary = `${path}.${Buffer.from(randomBytes(6)).toString('hex')}`;
  writeFileSync(temporary, `${make()}\n`, { mode: 0o600, flag: 'wx', flush: true });
  let isNew = true;
  try {
    linkSync(temporary, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    isNew = false;
  } finally {
    rmSync(temporary, { force: true });
  }
  syncFolder(dirname(path));
  return { text: readFileSync(path, 'utf8').trim(), isNew };
}

/** What an earlier start made; null when there was none. Throws when the file cannot be read. */
export function keptSecret(dataDir: string, name: string): string | null {
  const path = join(dataDir, name);
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : null;
}

export function generatedRootKey(dataDir: string, randomBytes: RandomBytes): GeneratedSecret {
  return readOrMake(join(dataDir, ROOT_KEY_FILE), () => mintSecret('root', randomBytes), randomBytes);
}

export function generatedEncryptionKeys(dataDir: string, randomBytes: RandomBytes): GeneratedSecret {
  return readOrMake(join(dataDir, ENCRYPTION_KEYS_FILE), () => newEncryptionKey('dev', randomBytes), randomBytes);
}

/** One entry of LATCHKEY_ENCRYPTION_KEYS: `id:base64(32 bytes)`. */
export function newEncryptionKey(id: string, randomBytes: RandomBytes): string {
  return `${id}:${Buffer.from(randomBytes(32)).toString('base64')}`;
}

/** Whether this data dir has encryption keys that a development server made. */
export function hasGeneratedEncryptionKeys(dataDir: string): boolean {
  return existsSync(join(dataDir, ENCRYPTION_KEYS_FILE));
}

/**
 * Puts a new key in front of those in the data dir: on disk, or nothing is changed. False when its id is taken. Two
 * callers at once must be kept apart, or one key is lost.
 */
export function prependEncryptionKey(dataDir: string, entry: string): boolean {
  const path = join(dataDir, ENCRYPTION_KEYS_FILE);
  const kept = readFileSync(path, 'utf8').trim();
  const [added] = parseEncryptionKeys(entry);
  if (parseEncryptionKeys(kept).some(({ id }) => id === added?.id)) return false;
  const text = `${entry},${kept}`;
  const temporary = `${path}.new`;
  writeFileSync(temporary, `${text}\n`, { mode: 0o600, flush: true });
  renameSync(temporary, path);
  syncFolder(dataDir);
  return true;
}
