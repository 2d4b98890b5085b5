import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { UsageError } from '../../refusal.ts';
import { settableBody, settableOptions, workspaceOption } from './fields.ts';
import { inWorkspace, keyPath, keyPositional } from './one.ts';
import { showKey } from './present.ts';

const path = 'keys update';

const CLEARABLE = {
  expiry: 'expires_at',
  'rotate-after': 'rotate_after',
  owner: 'owner',
  'allow-ip': 'ip_allowlist',
  plan: 'plan',
  limits: 'limits',
  quota: 'quota',
  'external-id': 'external_id',
  metadata: 'metadata',
} as const;

type Clearable = keyof typeof CLEARABLE;

export const keysUpdate = command({
  path,
  summary: 'Change a key; what is not named stays',
  examples: [
    { line: 'latchkey keys update key_0PsCLkhMzXMMWHq3EmLUIWHL --scope projects:read', what: 'Other scopes' },
    { line: 'latchkey keys update key_0PsCLkhMzXMMWHq3EmLUIWHL --state disabled', what: 'Until it is active again' },
    { line: 'latchkey keys update key_0PsCLkhMzXMMWHq3EmLUIWHL --clear expiry --clear quota', what: 'Take away' },
  ],
  positionals: keyPositional,
  options: {
    name: { type: 'text', value: 'NAME', description: 'What it is called' },
    scope: { type: 'list', value: 'SCOPE', description: 'What it may do, in place of what it might' },
    state: { type: 'text', value: 'STATE', description: 'Whether it works', choices: ['active', 'disabled'] },
    ...settableOptions,
    clear: {
      type: 'list',
      value: 'FIELD',
      description: 'Take this away',
      choices: Object.keys(CLEARABLE),
    },
    ...workspaceOption,
    ...serverOptions,
  },
  run: async (context) => {
    const { options, positionals } = context;
    const target = keyPath(positionals.id, path);
    const cleared = Object.fromEntries(options.clear.map((field) => [CLEARABLE[field as Clearable], null]));
    const set = {
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(options.scope.length === 0 ? {} : { scopes: options.scope }),
      ...(options.state === undefined ? {} : { state: options.state }),
      ...settableBody(options, path),
    };
    const both = Object.keys(cleared).find((field) => Object.hasOwn(set, field));
    if (both) throw new UsageError(`${both} is both set and cleared`, path);
    if (Object.keys({ ...set, ...cleared }).length === 0) throw new UsageError('nothing to change was named', path);
    const body = { ...set, ...cleared, ...inWorkspace(options.workspace) };
    const api = await context.openApi();
    showKey(context, await api.call(target, { method: 'PATCH', body }), options.json);
    return EXIT.done;
  },
});
