import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ROOT_KEY_FILE } from './generated-secrets.ts';
import type { Environment } from './secret-references.ts';

/** The development installation that these settings mean, as the command line uses it when nothing else is named. */
export interface LocalInstallation {
  dataDir: string;
  /** The root key that the server made; null when there is none. */
  rootKeyFile: string | null;
  /** What the process that serves the SQLite file in the data dir says of itself; null when none does. */
  servingUrl: string | null;
  /** Where a server with these settings listens. */
  configuredUrl: string;
}

function servingUrl(dataDir: string): string | null {
  try {
    const holder = JSON.parse(readFileSync(join(dataDir, 'latchkey.sqlite.serving.json'), 'utf8')) as { url?: unknown };
    return typeof holder.url === 'string' ? holder.url : null;
  } catch {
    return null;
  }
}

/** Null in production, which has its keys elsewhere. Makes nothing, and throws nothing. */
export function localInstallation(environment: Environment, workingDir: string): LocalInstallation | null {
  const text = (name: string) => environment[name]?.trim() || undefined;
  if (text('LATCHKEY_MODE')?.toLowerCase() === 'production') return null;
  const dataDir = resolve(workingDir, text('LATCHKEY_DATA_DIR') ?? '.latchkey');
  const rootKeyFile = join(dataDir, ROOT_KEY_FILE);
  const scheme = text('LATCHKEY_TLS_CERT') ? 'https' : 'http';
  return {
    dataDir,
    rootKeyFile: existsSync(rootKeyFile) ? rootKeyFile : null,
    servingUrl: servingUrl(dataDir),
    configuredUrl: `${scheme}://localhost:${text('PORT') ?? '4000'}`,
  };
}
