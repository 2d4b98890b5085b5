import { parseArgs } from 'node:util';
import type { Command } from './command.ts';
import { UsageError } from './refusal.ts';
import type { CommandFacts, OptionSpec, PositionalSpec } from './specs.ts';
import { didYouMean } from './suggest.ts';

/** What was asked for on the command line. */
export type Invocation =
  | { kind: 'run'; command: Command; options: Record<string, unknown>; positionals: Record<string, unknown> }
  /** `words` are the words before `--help`, or after `help`. */
  | { kind: 'help'; words: string[] }
  | { kind: 'version' };

const HELP: OptionSpec = { type: 'flag', short: 'h', description: 'Show help' };
const VERSION: OptionSpec = { type: 'flag', short: 'v', description: 'Show the version' };

/** Every option of every command: their values must be known before the command is. */
function allOptions(commands: readonly CommandFacts[]): Map<string, OptionSpec> {
  const all = new Map<string, OptionSpec>([
    ['help', HELP],
    ['version', VERSION],
  ]);
  for (const { options = {} } of commands)
    for (const [name, spec] of Object.entries(options)) if (!all.has(name)) all.set(name, spec);
  return all;
}

interface Typed {
  words: string[];
  /** In the order in which they were typed. */
  given: { name: string; raw: string; value: string | undefined }[];
}

function tokenize(commands: readonly CommandFacts[], argv: readonly string[]): Typed {
  const all = allOptions(commands);
  const options = Object.fromEntries(
    [...all].map(([name, { type, short }]) => [
      name,
      { type: type === 'flag' ? ('boolean' as const) : ('string' as const), ...(short ? { short } : {}) },
    ]),
  );
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  const typed: Typed = { words: [], given: [] };
  for (const token of tokens) {
    if (token.kind === 'positional') typed.words.push(token.value);
    if (token.kind !== 'option') continue;
    const { name, rawName: raw, value, inlineValue } = token;
    if (inlineValue === false && value !== undefined && value.startsWith('-') && value !== '-') {
      const [command] = findCommand(commands, typed.words) ?? [];
      throw new UsageError(
        `${raw} needs a value; one that begins with a dash is written \`--${name}=${value}\``,
        command?.path,
      );
    }
    typed.given.push({ name, raw, value });
  }
  return typed;
}

/** The command whose words come first, and how many they are. */
export function findCommand<C extends CommandFacts>(
  commands: readonly C[],
  words: readonly string[],
): [C, number] | undefined {
  for (let count = Math.min(words.length, 3); count > 0; count -= 1) {
    const path = words.slice(0, count).join(' ');
    const found = commands.find((entry) => entry.path === path);
    if (found) return [found, count];
  }
  return undefined;
}

/** What is wrong with words that name no command. */
export function noSuchCommand(commands: readonly CommandFacts[], words: readonly string[]): UsageError {
  const [first = '', second] = words;
  const verbs = commands.filter(({ path }) => path.startsWith(`${first} `)).map(({ path }) => path);
  if (verbs.length > 0 && second === undefined) {
    const words = new Set(verbs.map((path) => path.split(' ')[1]));
    return new UsageError(`\`${first}\` needs a verb: ${[...words].join(', ')}`, first);
  }
  const typed = words.slice(0, verbs.length > 0 ? 2 : 1).join(' ');
  const known =
    verbs.length > 0 ? verbs : [...new Set(commands.flatMap(({ path }) => [path, path.split(' ')[0] ?? '']))];
  return new UsageError(`there is no command \`${typed}\`.${didYouMean(typed, known)}`, verbs.length > 0 ? first : '');
}

function checkChoice(what: string, choices: readonly string[] | undefined, value: string, path: string): string {
  if (choices && !choices.includes(value)) {
    throw new UsageError(`${what} is one of ${choices.join(', ')}.${didYouMean(value, choices)}`, path);
  }
  return value;
}

function readNumber(name: string, spec: OptionSpec & { type: 'number' }, text: string, path: string): number {
  const value = Number(text);
  if (!/^\d{1,15}$/.test(text) || value < spec.min || value > spec.max) {
    throw new UsageError(`--${name} is a whole number from ${spec.min} to ${spec.max}`, path);
  }
  return value;
}

function readOption(name: string, spec: OptionSpec, given: (string | undefined)[], path: string): unknown {
  if (spec.type === 'flag') {
    if (given.some((value) => value !== undefined)) throw new UsageError(`--${name} takes no value`, path);
    return given.length > 0;
  }
  const values = given.map((value) => {
    if (value === undefined) throw new UsageError(`--${name} needs a value: --${name} ${spec.value}`, path);
    return value;
  });
  if ('required' in spec && values.length === 0) throw new UsageError(`--${name} ${spec.value} is missing`, path);
  if (spec.type === 'list') return values.map((value) => checkChoice(`--${name}`, spec.choices, value, path));
  if (values.length > 1) throw new UsageError(`--${name} is given more than once`, path);
  const [value] = values;
  if (value === undefined) return spec.default;
  return spec.type === 'number'
    ? readNumber(name, spec, value, path)
    : checkChoice(`--${name}`, spec.choices, value, path);
}

/** What the server takes from its environment alone; whoever types `--port` means the setting. */
function settingMeant(name: string, settings: readonly string[]): string {
  const word = name.toUpperCase().replaceAll('-', '_');
  const setting = settings.find((known) => known === word || known === `LATCHKEY_${word}`);
  return setting ? ` It is a setting: write \`${setting}=… latchkey …\`` : '';
}

function readOptions(
  { path, options = {} }: CommandFacts,
  given: Typed['given'],
  settings: readonly string[],
): Record<string, unknown> {
  const known = Object.keys(options);
  for (const { name, raw } of given) {
    if (Object.hasOwn(options, name)) continue;
    const setting = 'server' in options ? '' : settingMeant(name, settings);
    const hint = setting || didYouMean(name, [...known, 'help'], (near) => `--${near}`);
    throw new UsageError(`\`${path}\` has no option ${raw}.${hint}`, path);
  }
  return Object.fromEntries(
    Object.entries(options).map(([name, spec]) => {
      const values = given.filter((entry) => entry.name === name).map(({ value }) => value);
      return [name, readOption(name, spec, values, path)];
    }),
  );
}

function readPositionals({ path, positionals = {} }: CommandFacts, words: readonly string[]): Record<string, unknown> {
  const rest = [...words];
  const read = ([name, spec]: [string, PositionalSpec]): [string, unknown] => {
    const values = spec.repeated ? rest.splice(0) : rest.splice(0, 1);
    if (values.length === 0 && !spec.optional)
      throw new UsageError(`${spec.value} is missing: ${spec.choices?.join(', ') ?? spec.description}`, path);
    for (const value of values) checkChoice(spec.value, spec.choices, value, path);
    return [name, spec.repeated ? values : values[0]];
  };
  const values = Object.fromEntries(Object.entries(positionals).map(read));
  if (rest.length > 0) {
    const none = Object.keys(positionals).length === 0;
    throw new UsageError(`\`${path}\` takes ${none ? 'no arguments' : 'fewer arguments'}: \`${rest[0]}\``, path);
  }
  return values;
}

/** Reads a command line; `settings` are names of environment variables. Throws `UsageError` for what cannot be understood. */
export function parseCommandLine(
  commands: readonly Command[],
  argv: readonly string[],
  settings: readonly string[] = [],
): Invocation {
  const { words, given } = tokenize(commands, argv);
  if (given.some(({ name }) => name === 'version')) return { kind: 'version' };
  if (given.some(({ name }) => name === 'help')) return { kind: 'help', words };
  if (words.length === 0) {
    const [first] = given;
    if (first) throw new UsageError(`${first.raw} needs a command before it`);
    return { kind: 'help', words };
  }
  const found = findCommand(commands, words);
  if (!found) throw noSuchCommand(commands, words);
  const [command, count] = found;
  return {
    kind: 'run',
    command,
    options: readOptions(command, given, settings),
    positionals: readPositionals(command, words.slice(count)),
  };
}
