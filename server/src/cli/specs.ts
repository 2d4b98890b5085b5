interface Described {
  description: string;
  /** One letter, the same wherever the option has this name. */
  short?: string;
}

/** An option of a command. Its type decides how it is written, and what `run` gets. */
export type OptionSpec =
  | (Described & { type: 'flag' })
  | (Described & { type: 'text'; value: string; default?: string; required?: true; choices?: readonly string[] })
  | (Described & { type: 'list'; value: string; required?: true; choices?: readonly string[] })
  | (Described & { type: 'number'; value: string; default?: number; min: number; max: number });

export type OptionSpecs = Readonly<Record<string, OptionSpec>>;

/** An argument by place, in the order of the record. The last may be optional or repeated. */
export interface PositionalSpec {
  /** As help shows it, such as ID. */
  value: string;
  description: string;
  optional?: true;
  repeated?: true;
  choices?: readonly string[];
}

export type PositionalSpecs = Readonly<Record<string, PositionalSpec>>;

type OptionValue<S extends OptionSpec> = S extends { type: 'flag' }
  ? boolean
  : S extends { type: 'list' }
    ? string[]
    : S extends { type: 'number' }
      ? S extends { default: number }
        ? number
        : number | undefined
      : S extends { default: string } | { required: true }
        ? string
        : string | undefined;

type PositionalValue<S extends PositionalSpec> = S extends { repeated: true }
  ? string[]
  : S extends { optional: true }
    ? string | undefined
    : string;

export type OptionValues<O extends OptionSpecs> = { [Name in keyof O]: OptionValue<O[Name]> };
export type PositionalValues<P extends PositionalSpecs> = { [Name in keyof P]: PositionalValue<P[Name]> };

/** Something that can be typed as it stands; a test walks each through the parser. */
export interface Example {
  line: string;
  what: string;
}

/** What a command says of itself: enough to parse, explain and complete it. */
export interface CommandFacts {
  /** What is typed after `latchkey`, such as `keys create`. */
  path: string;
  /** The heading under which `latchkey help` lists it. */
  group?: string;
  /** One line, as an order, without a full stop. */
  summary: string;
  /** Paragraphs of further help. */
  text?: readonly string[];
  examples: readonly Example[];
  positionals?: PositionalSpecs;
  options?: OptionSpecs;
}

/** For commands whose result a program may read. */
export const jsonOption = {
  json: { type: 'flag', description: 'Print JSON on stdout' },
} as const satisfies OptionSpecs;

/** For deeds that cannot be undone. */
export const yesOption = {
  yes: { type: 'flag', short: 'y', description: 'Do not ask' },
} as const satisfies OptionSpecs;

/** For commands that speak to a server. */
export const serverOptions = {
  ...jsonOption,
  server: { type: 'text', value: 'URL', description: 'The server to speak to' },
  context: { type: 'text', value: 'NAME', description: 'Use the server and key of this context' },
  'key-file': { type: 'text', value: 'PATH', description: 'Read the key from this file, which only you may read' },
  'allow-http': { type: 'flag', description: 'Send the key over plain http to another machine' },
  timeout: { type: 'text', value: 'DURATION', default: '30s', description: 'Give up on a call after this long' },
} as const satisfies OptionSpecs;
