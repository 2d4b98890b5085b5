import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { CommandFailure, UsageError } from './refusal.ts';
import type { OptionSpecs } from './specs.ts';

/** For commands whose reply holds a secret that is shown once. */
export const secretOptions = {
  'show-secret': { type: 'flag', description: 'Print the secret, though stdout is no terminal' },
  'secret-file': {
    type: 'text',
    value: 'PATH',
    description: 'Write the secret to this new file, readable for you alone',
  },
} as const satisfies OptionSpecs;

type SecretContext = Pick<Context, 'host' | 'err'> & {
  options: { 'show-secret': boolean; 'secret-file': string | undefined };
};

/** Where a secret goes that does not exist yet. */
export interface SecretPlace {
  /** Whether stdout may hold it. */
  isShown: boolean;
  /** Keeps the secret; called at most once. */
  keep(secret: string): void;
  /** Removes a file that got no secret. */
  end(): void;
}

function openNewFile(path: string, commandPath: string): number {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? 'exists already; it is not written over' : `cannot be made (${code})`;
    throw new UsageError(`${path} ${why}`, commandPath);
  }
}

/** Settles where the secret goes, before there is one: refused when nobody would ever see it. */
export function prepareSecret({ options, host, err }: SecretContext, commandPath: string): SecretPlace {
  const path = options['secret-file'];
  if (path === undefined) {
    const isShown = options['show-secret'] || host.stdout.isTTY === true;
    if (isShown) return { isShown, keep: () => {}, end: () => {} };
    throw new UsageError(
      'stdout is no terminal, so the new secret would be lost; nothing was done. ' +
        'Add --secret-file PATH to keep it in a file, or --show-secret to print it',
      commandPath,
    );
  }
  let file: number | null = openNewFile(path, commandPath);
  return {
    isShown: options['show-secret'],
    keep: (secret) => {
      if (file === null) return;
      try {
        writeSync(file, `${secret}\n`);
        fsyncSync(file);
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        throw new CommandFailure(
          `the key was made, but ${path} could not be written (${code}): revoke it`,
          EXIT.failed,
        );
      }
      closeSync(file);
      file = null;
      err(`The secret is in ${path}.\n`);
    },
    end: () => {
      if (file === null) return;
      closeSync(file);
      rmSync(path, { force: true });
    },
  };
}
