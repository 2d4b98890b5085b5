import { readPrivateFile } from './api/target.ts';
import type { Context } from './context.ts';
import { EXIT } from './exit-codes.ts';
import { readPassword } from './prompts.ts';
import { CommandFailure, UsageError } from './refusal.ts';
import type { OptionSpecs } from './specs.ts';

/** For commands that give somebody a password. It is never an argument: other users could read it. */
export const passwordOptions = {
  'password-stdin': { type: 'flag', description: 'Read the password from stdin; on a terminal, ask for it' },
  'password-file': {
    type: 'text',
    value: 'PATH',
    description: 'Read the password from this file, which only you may read',
  },
} as const satisfies OptionSpecs;

type PasswordContext = Pick<Context, 'host'> & {
  options: { 'password-stdin': boolean; 'password-file': string | undefined };
};

/** The password that was given, as it is but for the end of its line; undefined when none was. */
export async function givenPassword({ options, host }: PasswordContext, path: string): Promise<string | undefined> {
  const file = options['password-file'];
  if (options['password-stdin'] && file !== undefined) {
    throw new UsageError('--password-stdin and --password-file: give one of them', path);
  }
  if (options['password-stdin']) return readPassword(host, path);
  if (file === undefined) return undefined;
  const password = readPrivateFile(file).replace(/\r?\n$/, '');
  if (password === '') throw new CommandFailure(`${file} is empty`, EXIT.usage);
  return password;
}
