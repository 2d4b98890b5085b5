import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import type { Column } from '../../table.ts';
import { limitsText, type PlanJson } from './plans.ts';

const COLUMNS: Column<PlanJson>[] = [
  { title: 'NAME', value: ({ name }) => name },
  { title: 'OFFERED', value: ({ offered }) => (offered ? 'yes' : 'no') },
  { title: 'A KEY', value: ({ api_key }) => limitsText(api_key) },
  { title: 'AN ADDRESS WITHOUT ONE', value: ({ nobody }) => limitsText(nobody) },
];

export const plansList = command({
  path: 'plans list',
  summary: 'List the plans of limits',
  examples: [{ line: 'latchkey plans list', what: 'With what a key on each may call' }],
  options: serverOptions,
  run: async (context) => {
    const api = await context.openApi();
    const reply = await api.call('/v1/plans');
    if (context.options.json) context.out(`${reply.text.trimEnd()}\n`);
    else context.table(COLUMNS, (reply.json as { data: PlanJson[] }).data);
    return EXIT.done;
  },
});
