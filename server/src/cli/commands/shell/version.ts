import { command } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';

export const version = command({
  path: 'version',
  summary: 'Print the version',
  examples: [{ line: 'latchkey version', what: 'Of this program' }],
  run: async ({ host, out }) => {
    out(`${host.version}\n`);
    return EXIT.done;
  },
});
