import { readContexts, writeContexts } from '../../api/contexts.ts';
import { command } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { UsageError } from '../../refusal.ts';
import { didYouMean } from '../../suggest.ts';

const path = 'context use';

export const contextUse = command({
  path,
  summary: 'Choose the server for the commands that follow',
  examples: [{ line: 'latchkey context use production', what: 'Until another is chosen' }],
  positionals: { name: { value: 'NAME', description: 'Its name' } },
  run: async ({ positionals, host, err }) => {
    const { name } = positionals;
    const { contexts } = readContexts(host);
    if (!Object.hasOwn(contexts, name)) {
      throw new UsageError(`there is no context \`${name}\`.${didYouMean(name, Object.keys(contexts))}`, path);
    }
    writeContexts(host, { current: name, contexts });
    err(`${name} is used from now on.\n`);
    return EXIT.done;
  },
});
