import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import type { Column } from '../../table.ts';
import type { ScopeJson } from './scopes.ts';

const COLUMNS: Column<ScopeJson>[] = [
  { title: 'NAME', value: ({ name }) => name },
  { title: 'KIND', value: ({ kind }) => kind },
  { title: 'WHAT IT ALLOWS', value: ({ description }) => description },
];

export const scopesList = command({
  path: 'scopes list',
  summary: 'List the scopes that a key can hold',
  examples: [{ line: 'latchkey scopes list', what: 'Each with what it allows' }],
  options: serverOptions,
  run: async (context) => {
    const api = await context.openApi();
    const reply = await api.call('/v1/scopes');
    if (context.options.json) context.out(`${reply.text.trimEnd()}\n`);
    else context.table(COLUMNS, (reply.json as { data: ScopeJson[] }).data);
    return EXIT.done;
  },
});
