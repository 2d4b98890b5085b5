import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { UsageError } from '../../refusal.ts';
import { settableBody, settableOptions, workspaceOption } from './fields.ts';
import { applicationPath, applicationPositional, inWorkspace } from './one.ts';
import { showApplication } from './present.ts';

const path = 'applications update';

const CLEARABLE = {
  resources: 'resources',
  'auth-method': 'token_endpoint_auth_method',
  'token-seconds': 'access_token_ttl_seconds',
  jwks: 'jwks',
  'jwks-uri': 'jwks_uri',
  'client-uri': 'client_uri',
  'logo-uri': 'logo_uri',
  'policy-uri': 'policy_uri',
  'tos-uri': 'tos_uri',
  plan: 'plan',
  limits: 'limits',
} as const;

export const applicationsUpdate = command({
  path,
  summary: 'Change an application; what is not named stays',
  examples: [
    {
      line: 'latchkey applications update app_0PsCLkhMzXMMWHq3EmLUIWHL --redirect-uri https://shop.example/cb',
      what: 'In place of all that it had',
    },
    {
      line: 'latchkey applications update app_0PsCLkhMzXMMWHq3EmLUIWHL --require-pkce yes --clear auth-method',
      what: 'One more rule, and one fewer',
    },
  ],
  positionals: applicationPositional,
  options: {
    name: { type: 'text', value: 'NAME', description: 'What people are shown' },
    scope: { type: 'list', value: 'SCOPE', description: 'What it may ask for, in place of what it might' },
    ...settableOptions,
    clear: { type: 'list', value: 'FIELD', description: 'Take this away', choices: Object.keys(CLEARABLE) },
    ...workspaceOption,
    ...serverOptions,
  },
  run: async (context) => {
    const { options, positionals } = context;
    const target = applicationPath(positionals.id, path);
    const cleared = Object.fromEntries(options.clear.map((each) => [CLEARABLE[each as keyof typeof CLEARABLE], null]));
    const set = {
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(options.scope.length === 0 ? {} : { scopes: options.scope }),
      ...settableBody(options),
    };
    const both = Object.keys(cleared).find((field) => Object.hasOwn(set, field));
    if (both) throw new UsageError(`${both} is both set and cleared`, path);
    if (Object.keys({ ...set, ...cleared }).length === 0) throw new UsageError('nothing to change was named', path);
    const body = { ...set, ...cleared, ...inWorkspace(options.workspace) };
    const api = await context.openApi();
    showApplication(context, await api.call(target, { method: 'PATCH', body }), options.json);
    return EXIT.done;
  },
});
