import { expect, test } from 'vitest';
import { EXIT_CODES } from '../../src/cli/exit-codes.ts';
import { commandHelp } from '../../src/cli/help.ts';
import { CSV_COLUMNS } from '../../src/cli/import-file/columns.ts';
import { COMMANDS } from '../../src/cli/index.ts';
import { createStyle } from '../../src/cli/style.ts';
import { readDocument, tablesOf } from './documents.ts';

const tables = tablesOf(readDocument('docs/cli.md'));
const rowsUnder = (...header: string[]) => tables.find((table) => table.header.join() === header.join())?.rows ?? [];

test('docs/cli.md has every command with its summary, and no other', () => {
  expect(rowsUnder('command', 'does')).toEqual(COMMANDS.map(({ path, summary }) => [path, summary]));
});

test('docs/cli.md has every exit code', () => {
  expect(rowsUnder('exit code', 'what it says')).toEqual(EXIT_CODES.map(([code, what]) => [String(code), what]));
});

test('docs/cli.md has every column of an import', () => {
  const named = rowsUnder('column', 'what').flatMap(([names = '']) => names.split(', '));
  expect(named.sort()).toEqual([...CSV_COLUMNS].sort());
});

/** What `latchkey … --help` prints, command by command. */
function reference(): string {
  const parts = COMMANDS.map((command) => {
    const help = commandHelp(command, createStyle(false)).trimEnd();
    return `## ${command.path}\n\n\`\`\`text\n${help}\n\`\`\`\n`;
  });
  const opening =
    'What `latchkey COMMAND --help` prints, for every command. Made from the commands themselves:\n' +
    '`npm test -- server/test/docs/cli.test.ts -u` writes this page anew. [How it works together](../cli.md).\n';
  return `# Reference of the command line\n\n${opening}\n${parts.join('\n')}`;
}

test('docs/reference/cli.md is what help prints', async () => {
  await expect(reference()).toMatchFileSnapshot('../../../docs/reference/cli.md');
});
