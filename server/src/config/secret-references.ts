import { readFileSync } from 'node:fs';

export type Environment = Readonly<Record<string, string | undefined>>;

const LATER = /^(vault|aws-sm):/;

/** What a secret setting says: itself, or what `file:/path` and `env:NAME` point at. Throws `Error` in plain words. */
export function resolveSecret(value: string, environment: Environment): string {
  if (value.startsWith('file:')) return readSecretFile(value.slice('file:'.length));
  if (value.startsWith('env:')) {
    const name = value.slice('env:'.length);
    const found = environment[name];
    if (!found) throw new Error(`points at the environment variable ${name}, which is not set`);
    return found.trim();
  }
  const store = LATER.exec(value)?.[1];
  if (store) throw new Error(`uses a ${store}: reference, which this version cannot read; use file: or env:`);
  return value;
}

function readSecretFile(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unreadable';
    throw new Error(`points at the file ${path}, which cannot be read (${code})`);
  }
}
