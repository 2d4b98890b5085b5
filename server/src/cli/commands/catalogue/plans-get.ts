import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { pathOfNamed, planPositional } from './names.ts';
import { showPlan } from './plans.ts';

const path = 'plans get';

export const plansGet = command({
  path,
  summary: 'Show one plan, with the limits of every kind of caller',
  examples: [{ line: 'latchkey plans get standard', what: 'By its name' }],
  positionals: planPositional,
  options: serverOptions,
  run: async (context) => {
    const target = pathOfNamed('plans', context.positionals.name, path);
    const api = await context.openApi();
    showPlan(context, await api.call(target), context.options.json);
    return EXIT.done;
  },
});
