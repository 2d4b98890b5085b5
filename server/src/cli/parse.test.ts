import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Command } from './command.ts';
import { COMMANDS } from './commands/index.ts';
import { type Invocation, parseCommandLine } from './parse.ts';
import { UsageError } from './refusal.ts';

const parse = (line: string) =>
  parseCommandLine(COMMANDS, line.split(' ').filter(Boolean), ['PORT', 'LATCHKEY_DATA_DIR']);

function shapeOf(invocation: Invocation): unknown {
  return invocation.kind === 'run' ? [invocation.command.path, invocation.options] : invocation;
}

describe('the command line', () => {
  test.each<[string, unknown]>([
    ['serve', ['serve', { json: false }]],
    ['serve --json', ['serve', { json: true }]],
    ['--json serve', ['serve', { json: true }]],
    ['migrate', ['migrate', { json: false, 'dry-run': false }]],
    ['migrate --dry-run --json', ['migrate', { json: true, 'dry-run': true }]],
    ['secrets generate', ['secrets generate', {}]],
    ['', { kind: 'help', words: [] }],
    ['-h', { kind: 'help', words: [] }],
    ['serve --help', { kind: 'help', words: ['serve'] }],
    ['-v', { kind: 'version' }],
    ['--version serve', { kind: 'version' }],
  ])('latchkey %s', (line, wanted) => {
    expect(shapeOf(parse(line))).toEqual(wanted);
  });

  test.each([
    ['server', 'Did you mean `serve`?'],
    ['serve now', 'takes no arguments'],
    ['audit', 'needs a verb: '],
    ['audit verfy', 'Did you mean `audit verify`?'],
    ['audit verify all', 'takes no arguments'],
    ['secrets', 'needs a verb'],
    ['--jsn', '--jsn needs a command before it'],
    ['serve --jsn', 'Did you mean `--json`?'],
    ['serve --port 80', 'no option --port. It is a setting: write `PORT=… latchkey …`'],
    ['doctor --data-dir x', 'write `LATCHKEY_DATA_DIR=… latchkey …`'],
    ['keys list --port 80', 'no option --port.'],
    ['serve --json=yes', 'takes no value'],
    ['serve -x', 'no option -x'],
    ['completion', 'SHELL is missing: bash, zsh, fish'],
    ['SERVE', 'Did you mean `serve`?'],
    ['__proto__', 'no command'],
    ['constructor', 'no command'],
    ['serve --__proto__', 'no option'],
    ['serve --constructor=1', 'no option'],
  ])('latchkey %s is not understood', (line, why) => {
    expect(() => parse(line)).toThrow(UsageError);
    expect(() => parse(line)).toThrow(why);
  });

  test('is an invocation or a usage error, whatever is typed', () => {
    const known = COMMANDS.flatMap(({ path, options = {} }) => [
      ...path.split(' '),
      ...Object.keys(options).map((name) => `--${name}`),
    ]);
    const words = fc.oneof(fc.string(), fc.constantFrom(...known, '--', '-', '-hv', '--no-json', '--json=', '-y-'));
    fc.assert(
      fc.property(fc.array(words, { maxLength: 6 }), (argv) => {
        try {
          const invocation = parseCommandLine(COMMANDS, argv);
          if (invocation.kind === 'run') expect(COMMANDS).toContain(invocation.command);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      }),
    );
  });
});

const sample: Command = {
  path: 'things put',
  summary: 'Put',
  examples: [],
  positionals: {
    kind: { value: 'KIND', description: 'what', choices: ['red', 'blue'] },
    files: { value: 'FILE', description: 'files', repeated: true, optional: true },
  },
  options: {
    name: { type: 'text', value: 'NAME', description: 'its name', required: true },
    tag: { type: 'list', value: 'TAG', description: 'tags' },
    count: { type: 'number', value: 'N', description: 'how many', min: 1, max: 9, default: 3, short: 'n' },
    size: { type: 'text', value: 'SIZE', description: 'size', choices: ['small', 'large'] },
  },
  run: async () => 0,
};

const put = (...argv: string[]) => parseCommandLine([sample], ['things', 'put', ...argv]);

describe('options and positionals', () => {
  test('have the types that they were declared with', () => {
    expect(put('blue', 'a', '--name=x', '-n', '4', '--tag', 'one', 'b', '--tag=-two')).toMatchObject({
      options: { name: 'x', tag: ['one', '-two'], count: 4, size: undefined },
      positionals: { kind: 'blue', files: ['a', 'b'] },
    });
    expect(put('red', '--name', 'x')).toMatchObject({ options: { tag: [], count: 3 }, positionals: { files: [] } });
    expect(put('red', '--name', 'x', '--', '--size')).toMatchObject({ positionals: { files: ['--size'] } });
  });

  test.each<[string[], string]>([
    [['red'], '--name NAME is missing'],
    [['--name', 'x'], 'KIND is missing'],
    [['green', '--name', 'x'], 'KIND is one of red, blue'],
    [['red', '--name'], '--name needs a value'],
    [['red', '--name', '--tag', 'x'], 'written `--name=--tag`'],
    [['red', '--name', 'x', '--name', 'y'], 'more than once'],
    [['red', '--name', 'x', '-n', '10'], 'from 1 to 9'],
    [['red', '--name', 'x', '-n', '1e0'], 'from 1 to 9'],
    [['red', '--name', 'x', '--size', 'lrge'], 'Did you mean `large`?'],
  ])('%j is refused', (argv, why) => {
    expect(() => put(...argv)).toThrow(why);
  });

  test('texts arrive as they were typed', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(fc.string(), { maxLength: 4 }), (name, files) => {
        expect(put('red', `--name=${name}`, '--', ...files)).toMatchObject({
          options: { name },
          positionals: { files },
        });
      }),
    );
  });
});

test('an option means the same wherever it stands', () => {
  const seen = new Map<string, string>();
  for (const { path, options = {} } of COMMANDS) {
    for (const [name, { type, short }] of Object.entries(options)) {
      const meaning = `${type === 'flag' ? 'flag' : 'value'} ${short ?? ''}`;
      expect([path, name, seen.get(name) ?? meaning]).toEqual([path, name, meaning]);
      seen.set(name, meaning);
    }
  }
  const shorts = [...seen].map(([name, meaning]) => [meaning.split(' ')[1], name]).filter(([short]) => short);
  expect(new Set(shorts.map(([short]) => short)).size).toBe(shorts.length);
});

test('every example in help can be typed', () => {
  for (const { path, examples } of COMMANDS) {
    expect([path, examples.length]).not.toEqual([path, 0]);
    for (const { line } of examples) {
      // What a shell does around the command is not part of it.
      const [, command = ''] = /(?:^|[|(] ?)latchkey ([^|<>)&]*)/.exec(line) ?? [];
      const argv = [...command.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(([, a, b, c]) => a ?? b ?? c ?? '');
      const invocation = parseCommandLine(COMMANDS, argv);
      expect([line, invocation.kind === 'run' ? invocation.command.path : invocation.kind]).toEqual([line, path]);
    }
  }
});
