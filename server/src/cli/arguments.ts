import { parseArgs } from 'node:util';

/** What was asked for on the command line. */
export type Command =
  | { name: 'serve'; json: boolean }
  | { name: 'migrate'; dryRun: boolean; json: boolean }
  | { name: 'audit verify'; json: boolean }
  | { name: 'secrets generate' }
  | { name: 'help' }
  | { name: 'version' };

/** A command line that cannot be understood; the message says what can be typed instead. */
export class UsageError extends Error {}

const OPTIONS = {
  json: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  version: { type: 'boolean', short: 'v' },
} as const;

export function parseCommand(argv: readonly string[]): Command {
  let parsed: ReturnType<typeof parseArgs<{ options: typeof OPTIONS; allowPositionals: true }>>;
  try {
    parsed = parseArgs({ args: [...argv], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const { values, positionals } = parsed;
  const json = values.json ?? false;
  if (values.version) return { name: 'version' };
  if (values.help || positionals.length === 0) return { name: 'help' };
  const name = positionals.join(' ');
  switch (name) {
    case 'serve':
    case 'audit verify':
      return { name, json };
    case 'migrate':
      return { name, json, dryRun: values['dry-run'] ?? false };
    case 'secrets generate':
    case 'help':
    case 'version':
      return { name };
    default:
      throw new UsageError(`there is no command \`${name}\``);
  }
}
