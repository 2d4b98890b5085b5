import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import type { Cell } from '../../table.ts';

interface CallerJson {
  subject: string;
  method: string;
  environment: string;
  workspace_id: string | null;
  scopes: string[];
  expires_at: string | null;
}

export const whoami = command({
  path: 'whoami',
  summary: 'Show which server and which key commands use here',
  examples: [{ line: 'latchkey whoami', what: 'Whose key, and what it may do' }],
  options: serverOptions,
  run: async (context) => {
    const api = await context.openApi();
    const reply = await api.call('/v1/auth/verify');
    if (context.options.json) {
      context.out(`${reply.text.trimEnd()}\n`);
      return EXIT.done;
    }
    const caller = reply.json as CallerJson;
    const fields: [string, Cell][] = [
      ['server', api.server],
      ['credential', caller.subject],
      ['method', caller.method],
      ['environment', caller.environment],
      ['workspace', caller.workspace_id],
      ['scopes', caller.scopes.join(' ')],
      ['expires', caller.expires_at],
    ];
    context.fields(fields);
    return EXIT.done;
  },
});
