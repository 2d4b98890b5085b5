import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import type { Column } from '../../table.ts';

interface LimitsJson {
  per_hour: number | null;
  per_second: number | null;
}

interface PlanJson {
  name: string;
  offered: boolean;
  api_key: LimitsJson;
  nobody: LimitsJson;
}

const limits = ({ per_hour, per_second }: LimitsJson) => `${per_hour ?? 'any'}/hour, ${per_second ?? 'any'}/second`;

const COLUMNS: Column<PlanJson>[] = [
  { title: 'NAME', value: ({ name }) => name },
  { title: 'OFFERED', value: ({ offered }) => (offered ? 'yes' : 'no') },
  { title: 'A KEY', value: ({ api_key }) => limits(api_key) },
  { title: 'AN ADDRESS WITHOUT ONE', value: ({ nobody }) => limits(nobody) },
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
