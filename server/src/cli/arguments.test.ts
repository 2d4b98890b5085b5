import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Command, parseCommand, UsageError } from './arguments.ts';

const parse = (line: string) => parseCommand(line.split(' ').filter(Boolean));

describe('the command line', () => {
  test.each<[string, Command]>([
    ['serve', { name: 'serve', json: false }],
    ['serve --json', { name: 'serve', json: true }],
    ['--json serve', { name: 'serve', json: true }],
    ['migrate', { name: 'migrate', dryRun: false, json: false }],
    ['migrate --dry-run --json', { name: 'migrate', dryRun: true, json: true }],
    ['audit verify', { name: 'audit verify', json: false }],
    ['audit verify --json', { name: 'audit verify', json: true }],
    ['secrets generate', { name: 'secrets generate' }],
    ['', { name: 'help' }],
    ['help', { name: 'help' }],
    ['-h', { name: 'help' }],
    ['serve --help', { name: 'help' }],
    ['version', { name: 'version' }],
    ['-v', { name: 'version' }],
    ['--version serve', { name: 'version' }],
  ])('latchkey %s', (line, command) => {
    expect(parse(line)).toEqual(command);
  });

  test.each([
    'server',
    'serve now',
    'audit',
    'audit verify all',
    'secrets',
    'migrate down',
    '--jsn',
    'serve --port 80',
    'serve --json=yes',
    '-x',
    'SERVE',
    '__proto__',
    'constructor',
  ])('latchkey %s is not understood', (line) => {
    expect(() => parse(line)).toThrow(UsageError);
  });

  test('is a command or a usage error, whatever is typed', () => {
    const words = fc.oneof(
      fc.string(),
      fc.constantFrom(
        'serve',
        'migrate',
        'audit',
        'verify',
        '--json',
        '--dry-run',
        '--',
        '-',
        '-hv',
        '--no-json',
        '--json=',
      ),
    );
    fc.assert(
      fc.property(fc.array(words, { maxLength: 4 }), (argv) => {
        try {
          expect(parseCommand(argv).name).toMatch(/^(serve|migrate|audit verify|secrets generate|help|version)$/);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      }),
    );
  });
});
