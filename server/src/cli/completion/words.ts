import type { CommandFacts, OptionSpec } from '../specs.ts';

/** A word that may come next, with what it means. */
export interface Candidate {
  word: string;
  text: string;
}

/** What may be typed at one place. */
export interface Place {
  /** The words so far; empty at the very beginning. */
  path: string;
  /** Verbs, commands, and the choices of the first positional. */
  words: Candidate[];
  options: Candidate[];
}

/** What may follow an option that takes a value. */
export interface Value {
  path: string;
  /** With its dashes. */
  option: string;
  /** Empty: any text. */
  choices: readonly string[];
  isFile: boolean;
}

export interface CompletionWords {
  places: Place[];
  values: Value[];
}

const HELP: Candidate = { word: '--help', text: 'Show help' };

const spellings = (name: string, { short }: OptionSpec) => (short ? [`--${name}`, `-${short}`] : [`--${name}`]);

function groupPlaces(commands: readonly CommandFacts[]): Place[] {
  const groups = new Map<string, Map<string, string>>([['', new Map()]]);
  for (const { path, summary } of commands) {
    const words = path.split(' ');
    for (const [at, word] of words.entries()) {
      const before = words.slice(0, at).join(' ');
      const group = groups.get(before) ?? new Map<string, string>();
      groups.set(before, group);
      if (!group.has(word)) group.set(word, at === words.length - 1 ? summary : `${word} …`);
    }
  }
  return [...groups].map(([path, words]) => ({
    path,
    words: [...words].map(([word, text]) => ({ word, text })),
    options: [HELP],
  }));
}

function commandPlace({ path, options = {}, positionals = {} }: CommandFacts): Place {
  const [first] = Object.values(positionals);
  return {
    path,
    words: (first?.choices ?? []).map((word) => ({ word, text: '' })),
    options: [
      ...Object.entries(options).map(([name, { description }]) => ({ word: `--${name}`, text: description })),
      HELP,
    ],
  };
}

/** The commands as a shell needs them: which words may stand where. */
export function completionWords(commands: readonly CommandFacts[]): CompletionWords {
  const values = commands.flatMap(({ path, options = {} }) =>
    Object.entries(options).flatMap(([name, spec]): Value[] => {
      if (spec.type === 'flag') return [];
      const choices = ('choices' in spec && spec.choices) || [];
      return spellings(name, spec).map((option) => ({ path, option, choices, isFile: spec.value === 'PATH' }));
    }),
  );
  return { places: [...groupPlaces(commands), ...commands.map(commandPlace)], values };
}
