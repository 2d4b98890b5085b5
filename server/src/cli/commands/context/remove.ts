import { readContexts, writeContexts } from '../../api/contexts.ts';
import { command, yesOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { UsageError } from '../../refusal.ts';
import { didYouMean } from '../../suggest.ts';

const path = 'context remove';

export const contextRemove = command({
  path,
  summary: 'Forget a saved server and its key',
  examples: [{ line: 'latchkey context remove staging', what: 'Asks first' }],
  positionals: { name: { value: 'NAME', description: 'Its name' } },
  options: yesOption,
  run: async ({ positionals, host, err, confirm }) => {
    const { name } = positionals;
    const { current, contexts } = readContexts(host);
    if (!Object.hasOwn(contexts, name)) {
      throw new UsageError(`there is no context \`${name}\`.${didYouMean(name, Object.keys(contexts))}`, path);
    }
    await confirm(`Forget the context ${name} and its key?`);
    const { [name]: _, ...rest } = contexts;
    writeContexts(host, { current: current === name ? null : current, contexts: rest });
    err(`${name} is forgotten.\n`);
    return EXIT.done;
  },
});
