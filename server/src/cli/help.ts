import type { Setting } from '../config/index.ts';
import { EXIT_CODES } from './exit-codes.ts';
import { type CommandFacts, type OptionSpec, type PositionalSpec, serverOptions } from './specs.ts';
import type { Style } from './style.ts';

const WIDTH = 100;

/** Words on lines of at most `WIDTH` columns. */
function wrap(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(' ')) {
    if (line.length > indent.length && line.length + word.length >= WIDTH) {
      lines.push(line);
      line = indent;
    }
    line += `${line === indent ? '' : ' '}${word}`;
  }
  return [...lines, line];
}

/** Names beside their texts, the texts aligned. */
function listed(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.min(34, Math.max(...rows.map(([name]) => name.length)));
  const indent = ' '.repeat(width + 4);
  return rows.flatMap(([name, text]) => {
    const [first = '', ...more] = wrap(text, indent);
    if (name.length > width) return [`  ${name}`, first, ...more].map((line) => line.trimEnd());
    return [`  ${name.padEnd(width)}  ${first.trimStart()}`.trimEnd(), ...more];
  });
}

function optionName(name: string, spec: OptionSpec): string {
  const value = spec.type === 'flag' ? '' : ` ${spec.value}`;
  return `${spec.short ? `-${spec.short}, ` : '    '}--${name}${value}`;
}

function optionText(spec: OptionSpec): string {
  const notes: string[] = [];
  if (spec.type !== 'flag') {
    if ('choices' in spec && spec.choices) notes.push(spec.choices.join(', '));
    if (spec.type === 'list') notes.push('may be repeated');
    if ('required' in spec && spec.required) notes.push('required');
    if ('default' in spec && spec.default !== undefined) notes.push(`default ${spec.default}`);
  }
  return notes.length === 0 ? spec.description : `${spec.description} [${notes.join('; ')}]`;
}

const isServerOption = (name: string, spec: OptionSpec) =>
  Object.hasOwn(serverOptions, name) && serverOptions[name as keyof typeof serverOptions] === spec && name !== 'json';

function positionalName({ value, optional, repeated }: PositionalSpec): string {
  const name = `${value}${repeated ? '...' : ''}`;
  return optional ? `[${name}]` : name;
}

/** `latchkey keys get ID [options]`. */
export function usageOf({ path, positionals = {}, options = {} }: CommandFacts): string {
  const words = Object.values(positionals).map(positionalName);
  const required = Object.entries(options).flatMap(([name, spec]) =>
    'required' in spec && spec.required ? [`--${name} ${spec.value}`] : [],
  );
  const more = Object.keys(options).length > required.length ? ['[options]'] : [];
  return ['latchkey', path, ...words, ...required, ...more].join(' ');
}

function section(title: string, lines: readonly string[], style: Style): string[] {
  return lines.length === 0 ? [] : ['', style.bold(`${title}:`), ...lines];
}

/** `latchkey keys create --help`. */
export function commandHelp(command: CommandFacts, style: Style): string {
  const { summary, text = [], examples, positionals = {}, options = {} } = command;
  const own = Object.entries(options).filter(([name, spec]) => !isServerOption(name, spec));
  const ofServer = Object.entries(options).filter(([name, spec]) => isServerOption(name, spec));
  const rows = (entries: [string, OptionSpec][]) =>
    entries.length === 0 ? [] : listed(entries.map(([name, spec]) => [optionName(name, spec), optionText(spec)]));
  const args = Object.values(positionals).map((spec): [string, string] => [
    positionalName(spec),
    spec.choices ? `${spec.description} [${spec.choices.join(', ')}]` : spec.description,
  ]);
  return [
    `${summary}.`,
    ...text.flatMap((paragraph) => ['', ...wrap(paragraph, '')]),
    ...section('Usage', [`  ${usageOf(command)}`], style),
    ...section('Arguments', args.length === 0 ? [] : listed(args), style),
    ...section('Options', rows(own), style),
    ...section('Server and key (`latchkey help contexts`)', rows(ofServer), style),
    ...section(
      'Examples',
      examples.flatMap(({ line, what }) => [`  ${style.dim(`# ${what}`)}`, `  ${line}`]),
      style,
    ),
    '',
  ].join('\n');
}

const summaries = (commands: readonly CommandFacts[]) =>
  listed(commands.map(({ path, summary }): [string, string] => [path, summary]));

/** `latchkey keys --help`. */
export function groupHelp(word: string, commands: readonly CommandFacts[], style: Style): string {
  return [
    style.bold('Usage:'),
    `  latchkey ${word} VERB [options]`,
    '',
    style.bold('Verbs:'),
    ...summaries(commands),
    '',
    `Options and examples: latchkey ${word} VERB --help`,
    '',
  ].join('\n');
}

/** Help that belongs to no command. */
export interface Topic {
  name: string;
  summary: string;
  text(style: Style): string;
}

export function settingsText(settings: readonly Setting[]): string {
  const rows = settings.map((setting) => `  ${setting.name.padEnd(30)}${setting.description} [${setting.default}]`);
  return ['Settings of the server (environment variables) [default]:', ...rows, ''].join('\n');
}

const CONTEXTS_TEXT = `A command that speaks to a server looks for its address and its key in this order:

  1. --server and --key-file, or --context
  2. LATCHKEY_URL, and LATCHKEY_KEY or LATCHKEY_KEY_FILE
  3. the context of LATCHKEY_CONTEXT, or the one that \`latchkey context use\` chose
  4. in development: the server of LATCHKEY_DATA_DIR (./.latchkey), with the root key that it made

--context goes before the environment. A key of a context or of a data dir goes to its own server only.
A key is never an argument: other users of the machine could read it. A key file must be readable for
you alone (chmod 600). Keys go over https, or to this machine, unless --allow-http is given.
Contexts are kept in $XDG_CONFIG_HOME/latchkey/contexts.json (~/.config), readable for you alone.
Set NO_COLOR for output without colors.
`;

export function topicsOf(settings: readonly Setting[]): readonly Topic[] {
  return [
    { name: 'contexts', summary: 'Which server and which key a command uses', text: () => CONTEXTS_TEXT },
    { name: 'settings', summary: 'What the server reads from its environment', text: () => settingsText(settings) },
    {
      name: 'exit-codes',
      summary: 'What the exit code says',
      text: () => `Exit codes:\n${EXIT_CODES.map(([code, what]) => `  ${String(code).padEnd(5)}${what}\n`).join('')}`,
    },
  ];
}

/** All commands under their headings, their texts aligned. */
function grouped(commands: readonly CommandFacts[], style: Style): string[] {
  const width = Math.max(...commands.map(({ path }) => path.length));
  const groups = Map.groupBy(commands, ({ group = 'Commands' }) => group);
  return [...groups].flatMap(([title, members]) => [
    style.bold(`${title}:`),
    ...listed(members.map(({ path, summary }) => [path.padEnd(width), summary] as const)),
    '',
  ]);
}

/** `latchkey help`. */
export function overviewHelp(commands: readonly CommandFacts[], topics: readonly Topic[], style: Style): string {
  return [
    `${style.bold('Usage:')} latchkey COMMAND [options]`,
    '',
    ...grouped(commands, style),
    style.bold('More help:'),
    ...listed([
      ['COMMAND --help', 'Options and examples of a command'],
      ...topics.map(({ name, summary }): [string, string] => [`help ${name}`, summary]),
    ]),
    '',
  ].join('\n');
}
