import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { givenPassword, passwordOptions } from '../../new-password.ts';
import { inWorkspace } from '../keys/one.ts';
import { ROLES, roleOption } from '../members/fields.ts';
import { userBody, userOptions } from './fields.ts';
import { showUser } from './present.ts';

const path = 'users create';

export const usersCreate = command({
  path,
  summary: 'Make an account with a place in a workspace (root key)',
  text: [
    'Without a password the person chooses one by "Forgot your password?" on the sign-in page. No mail is sent; to ask ' +
      'somebody by mail, use `invitations create`.',
  ],
  examples: [
    { line: 'latchkey users create --email ada@example.com --role admin', what: 'She chooses her own password' },
    {
      line: 'latchkey users create --email ada@example.com --name Ada --email-verified yes --password-stdin',
      what: 'Asks for the password; from a pipe, reads it',
    },
  ],
  options: {
    email: { type: 'text', value: 'ADDRESS', description: 'Where the person signs in with', required: true },
    role: { ...roleOption, description: 'As what they join', default: 'developer', choices: ROLES },
    ...userOptions,
    ...passwordOptions,
    workspace: { type: 'text', value: 'ID', description: 'Which they join; needed when there are several' },
    ...serverOptions,
  },
  run: async (context) => {
    const { options } = context;
    const { email, role, workspace } = options;
    const fields = { email, role, ...userBody(options, path), ...inWorkspace(workspace) };
    const api = await context.openApi();
    const password = await givenPassword(context, path);
    const body = { ...fields, ...(password === undefined ? {} : { password }) };
    showUser(context, await api.call('/v1/users', { method: 'POST', body }), options.json);
    return EXIT.done;
  },
});
