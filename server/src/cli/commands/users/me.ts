import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { showOne } from '../../show-one.ts';

interface SelfJson {
  id: string;
  email: string;
  email_verified: boolean;
  name: string | null;
  state: string;
  second_factors: string[];
  has_password: boolean;
  created_at: string;
}

export const usersMe = command({
  path: 'users me',
  summary: 'Show the person behind the key or token in use',
  text: ['For a key, its owner. Nobody stands behind the root key.'],
  examples: [{ line: 'latchkey users me --key-file ~/.secrets/latchkey', what: 'Whose key it is' }],
  options: serverOptions,
  run: async (context) => {
    const api = await context.openApi();
    showOne<SelfJson>(context, await api.call('/v1/users/me'), {
      json: context.options.json,
      fieldsOf: (self) => [
        ['id', self.id],
        ['email', self.email],
        ['email verified', self.email_verified ? 'yes' : 'no'],
        ['name', self.name],
        ['state', self.state],
        ['password', self.has_password ? 'yes' : 'no'],
        ['second factors', self.second_factors.join(' ')],
        ['created', self.created_at],
      ],
    });
    return EXIT.done;
  },
});
