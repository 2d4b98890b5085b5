import { command } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { helpFor } from '../../help-for.ts';

export const help = command({
  path: 'help',
  summary: 'Explain a command, or all of them',
  examples: [
    { line: 'latchkey help', what: 'Every command' },
    { line: 'latchkey help keys create', what: 'One of them; the same as `latchkey keys create --help`' },
    { line: 'latchkey help settings', what: 'What the server reads from its environment' },
  ],
  positionals: { words: { value: 'WORD', description: 'A command or a topic', optional: true, repeated: true } },
  run: async ({ positionals, commands, host, style, out }) => {
    out(helpFor(commands, host.program.settings, positionals.words, style));
    return EXIT.done;
  },
});
