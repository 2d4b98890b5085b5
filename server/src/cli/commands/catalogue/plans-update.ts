import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { UsageError } from '../../refusal.ts';
import { pathOfNamed, planPositional } from './names.ts';
import { planBody, planOptions, showPlan } from './plans.ts';

const path = 'plans update';

export const plansUpdate = command({
  path,
  summary: 'Change a plan; what was counted stays counted (root key)',
  examples: [{ line: 'latchkey plans update gold --limits api_key=80000/hour', what: 'Other callers keep theirs' }],
  positionals: planPositional,
  options: { ...planOptions, ...serverOptions },
  run: async (context) => {
    const { options, positionals } = context;
    const target = pathOfNamed('plans', positionals.name, path);
    const body = planBody(options, path);
    if (Object.keys(body).length === 0) throw new UsageError('nothing to change was named', path);
    const api = await context.openApi();
    showPlan(context, await api.call(target, { method: 'PATCH', body }), options.json);
    return EXIT.done;
  },
});
