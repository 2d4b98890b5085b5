import { command, serverOptions, yesOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { workspaceOption } from './fields.ts';
import { inWorkspace, keyPath, keyPositional } from './one.ts';
import { showKey } from './present.ts';

const path = 'keys revoke';

export const keysRevoke = command({
  path,
  summary: 'End a key at once, for good',
  text: ['It stays in the list. Revoking again changes nothing.'],
  examples: [
    { line: "latchkey keys revoke key_0PsCLkhMzXMMWHq3EmLUIWHL --reason 'no longer needed'", what: 'Asks first' },
    { line: 'latchkey keys revoke key_0PsCLkhMzXMMWHq3EmLUIWHL --descendants --yes', what: 'With all that it made' },
  ],
  positionals: keyPositional,
  options: {
    reason: { type: 'text', value: 'TEXT', description: 'Kept with the key and in the audit log' },
    descendants: { type: 'flag', description: 'Also its successors, and every key that these made' },
    ...workspaceOption,
    ...yesOption,
    ...serverOptions,
  },
  run: async (context) => {
    const { options, positionals } = context;
    const target = `${keyPath(positionals.id, path)}/revoke`;
    const api = await context.openApi();
    await context.confirm(
      `Revoke ${positionals.id}${options.descendants ? ' and all that descend from it' : ''} at ${api.server}, for good?`,
    );
    const body = {
      ...(options.reason === undefined ? {} : { reason: options.reason }),
      descendants: options.descendants,
      ...inWorkspace(options.workspace),
    };
    showKey(context, await api.call(target, { method: 'POST', body }), options.json);
    return EXIT.done;
  },
});
