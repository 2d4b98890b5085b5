import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { planPositional } from './names.ts';
import { planBody, planOptions, showPlan } from './plans.ts';

const path = 'plans create';

export const plansCreate = command({
  path,
  summary: 'Add a plan of limits (root key)',
  text: ['A kind of caller that is not named has no bound.'],
  examples: [
    {
      line: 'latchkey plans create gold --offered yes --limits api_key=50000/hour,200/second --limits nobody=100/hour',
      what: 'A plan that whoever makes a key may choose',
    },
  ],
  positionals: planPositional,
  options: { ...planOptions, ...serverOptions },
  run: async (context) => {
    const { options, positionals } = context;
    const body = { name: positionals.name, ...planBody(options, path) };
    const api = await context.openApi();
    showPlan(context, await api.call('/v1/plans', { method: 'POST', body }), options.json);
    return EXIT.done;
  },
});
