import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { givenPassword, passwordOptions } from '../../new-password.ts';
import { UsageError } from '../../refusal.ts';
import { inWorkspace } from '../keys/one.ts';
import { userBody, userOptions } from './fields.ts';
import { asSeenBy, showUser, userPath, userPositional } from './present.ts';

const path = 'users update';

const CLEARABLE = { name: 'name', 'external-id': 'external_id' } as const;

export const usersUpdate = command({
  path,
  summary: 'Change a person; what is not named stays',
  text: [
    'A workspace changes the name of accounts that it made, and what it notes about anybody in it. Password and ' +
      '--email-verified are for the root key. A new password ends all sessions of the person.',
  ],
  examples: [
    { line: 'latchkey users update usr_0PsCLkhMzXMMWHq3EmLUIWHL --name "Ada Lovelace"', what: 'Another name' },
    { line: 'latchkey users update usr_0PsCLkhMzXMMWHq3EmLUIWHL --password-stdin', what: 'Asks for a new password' },
  ],
  positionals: userPositional,
  options: {
    ...userOptions,
    clear: { type: 'list', value: 'FIELD', description: 'Take this away', choices: Object.keys(CLEARABLE) },
    ...passwordOptions,
    ...asSeenBy,
    ...serverOptions,
  },
  run: async (context) => {
    const { options, positionals } = context;
    const target = userPath(positionals.id, path);
    const cleared = options.clear.map((field) => [CLEARABLE[field as keyof typeof CLEARABLE], null]);
    const set = userBody(options, path);
    const both = cleared.find(([field]) => Object.hasOwn(set, String(field)));
    if (both) throw new UsageError(`${both[0]} is both set and cleared`, path);
    const fields = { ...set, ...Object.fromEntries(cleared) };
    const hasPassword = options['password-stdin'] || options['password-file'] !== undefined;
    if (Object.keys(fields).length === 0 && !hasPassword) throw new UsageError('nothing to change was named', path);
    const api = await context.openApi();
    const password = await givenPassword(context, path);
    const body = { ...fields, ...inWorkspace(options.workspace), ...(password === undefined ? {} : { password }) };
    showUser(context, await api.call(target, { method: 'PATCH', body }), options.json);
    return EXIT.done;
  },
});
