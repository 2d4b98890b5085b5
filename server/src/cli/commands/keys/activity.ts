import { command, serverOptions } from '../../command.ts';
import { list, listOptions } from '../../listing.ts';
import type { Column } from '../../table.ts';
import { workspaceOption } from './fields.ts';
import { inWorkspace, keyPath, keyPositional } from './one.ts';

const path = 'keys activity';

interface ActivityJson {
  minute: string;
  route: string;
  address: string | null;
  outcome: string;
  count: number;
}

const COLUMNS: Column<ActivityJson>[] = [
  { title: 'MINUTE', value: ({ minute }) => minute },
  { title: 'COUNT', value: ({ count }) => count },
  { title: 'OUTCOME', value: ({ outcome }) => outcome },
  { title: 'ADDRESS', value: ({ address }) => address },
  { title: 'ROUTE', value: ({ route }) => route },
];

export const keysActivity = command({
  path,
  summary: 'Show who used a key, from where, minute by minute',
  examples: [{ line: 'latchkey keys activity key_0PsCLkhMzXMMWHq3EmLUIWHL --limit 10', what: 'The latest minutes' }],
  positionals: keyPositional,
  options: { ...workspaceOption, ...listOptions, ...serverOptions },
  run: (context) => {
    const { options, positionals } = context;
    const target = `${keyPath(positionals.id, path)}/activity`;
    return list(context, { path: target, query: inWorkspace(options.workspace), options, columns: COLUMNS });
  },
});
