import { readContexts } from '../../api/contexts.ts';
import { command, jsonOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';

export const contextList = command({
  path: 'context list',
  summary: 'List the saved servers',
  examples: [{ line: 'latchkey context list', what: 'The current one is marked' }],
  options: jsonOption,
  run: async ({ options, host, json, table, err }) => {
    const { current, contexts } = readContexts(host);
    const rows = Object.entries(contexts).map(([name, { server, key_file = null }]) => ({
      name,
      server,
      key_file,
      current: name === current,
    }));
    if (options.json) json({ data: rows });
    else if (rows.length === 0) err('No contexts are saved: `latchkey context add`.\n');
    else {
      table(
        [
          { title: 'CURRENT', value: (row) => (row.current ? '*' : '') },
          { title: 'NAME', value: ({ name }) => name },
          { title: 'SERVER', value: ({ server }) => server },
          { title: 'KEY', value: ({ key_file }) => key_file ?? 'saved here' },
        ],
        rows,
      );
    }
    return EXIT.done;
  },
});
