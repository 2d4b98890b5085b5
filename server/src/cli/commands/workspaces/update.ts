import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { UsageError } from '../../refusal.ts';
import { workspaceBody, workspaceOptions } from './fields.ts';
import { showWorkspace, workspacePath, workspacePositional } from './present.ts';

const path = 'workspaces update';

const CLEARABLE = { 'external-id': 'external_id', plan: 'plan', limits: 'limits' } as const;

export const workspacesUpdate = command({
  path,
  summary: 'Change a workspace; what is not named stays (root key)',
  examples: [
    { line: 'latchkey workspaces update ws_0PsCLkhMzXMMWHq3EmLUIWHL --plan starter', what: 'Another plan' },
    { line: 'latchkey workspaces update ws_0PsCLkhMzXMMWHq3EmLUIWHL --clear limits', what: 'Those of its plan again' },
  ],
  positionals: workspacePositional,
  options: {
    name: { type: 'text', value: 'NAME', description: 'What it is called' },
    pool: { type: 'text', value: 'ON', description: 'Whether its keys share one bucket', choices: ['on', 'off'] },
    ...workspaceOptions,
    clear: { type: 'list', value: 'FIELD', description: 'Take this away', choices: Object.keys(CLEARABLE) },
    ...serverOptions,
  },
  run: async (context) => {
    const { options, positionals } = context;
    const target = workspacePath(positionals.id, path);
    const cleared = options.clear.map((field) => [CLEARABLE[field as keyof typeof CLEARABLE], null]);
    const set: Record<string, unknown> = {
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(options.pool === undefined ? {} : { pooled: options.pool === 'on' }),
      ...workspaceBody(options, path),
    };
    const both = cleared.find(([field]) => Object.hasOwn(set, String(field)));
    if (both) throw new UsageError(`${both[0]} is both set and cleared`, path);
    const body = { ...set, ...Object.fromEntries(cleared) };
    if (Object.keys(body).length === 0) throw new UsageError('nothing to change was named', path);
    const api = await context.openApi();
    showWorkspace(context, await api.call(target, { method: 'PATCH', body }), options.json);
    return EXIT.done;
  },
});
