import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import type { Cell } from '../../table.ts';
import { environmentChoices } from './fields.ts';

interface Verdict {
  valid: boolean;
  code: string;
  key_id: string | null;
  workspace_id: string | null;
  environment: string | null;
  scopes: string[];
  owner: string | null;
  expires_at: string | null;
  limit: { remaining: number | null; reset_at: string | null } | null;
}

function fieldsOf(verdict: Verdict): [string, Cell][] {
  const { limit } = verdict;
  const fields: [string, Cell][] = [
    ['valid', verdict.valid ? 'yes' : 'no'],
    ['code', verdict.code],
    ['key', verdict.key_id],
    ['workspace', verdict.workspace_id],
    ['environment', verdict.environment],
    ['scopes', verdict.scopes.join(' ')],
    ['owner', verdict.owner],
    ['expires', verdict.expires_at],
    ['remaining', limit?.remaining],
    ['resets', limit?.reset_at],
  ];
  return fields.filter(([, value]) => value !== null && value !== undefined && value !== '');
}

export const keysVerify = command({
  path: 'keys verify',
  summary: 'Ask what a key is worth',
  text: [
    'The key is read from stdin, or typed without echo; never an argument. Exit code 1 when it is not valid. ' +
      'Nothing is spent from its limits unless --cost says so.',
  ],
  examples: [
    { line: 'latchkey keys verify', what: 'Asks for the key' },
    { line: 'latchkey keys verify --needs read --ip 203.0.113.7 < key.txt', what: 'As a call from there would fare' },
  ],
  options: {
    environment: { type: 'text', value: 'ENVIRONMENT', description: 'Must be of it', choices: environmentChoices },
    needs: { type: 'list', value: 'SCOPE', description: 'Must hold this scope' },
    ip: { type: 'text', value: 'ADDRESS', description: 'The address of the caller, for keys with an address list' },
    cost: {
      type: 'number',
      value: 'N',
      description: 'Spend so much from its limits and quota',
      default: 0,
      min: 0,
      max: 1_000_000,
    },
    ...serverOptions,
  },
  run: async (context) => {
    const { options, out, fields } = context;
    const { environment, needs, ip, cost } = options;
    const api = await context.openApi();
    const key = await context.readSecret('The key');
    const body = {
      key,
      cost,
      ...(environment === undefined ? {} : { environment }),
      ...(needs.length === 0 ? {} : { scopes: needs }),
      ...(ip === undefined ? {} : { ip }),
    };
    // The route takes no Idempotency-Key, and a repeated call might spend twice.
    const reply = await api.call('/v1/api-keys/verify', { method: 'POST', body, idempotencyKey: null });
    const verdict = reply.json as Verdict;
    if (options.json) out(`${reply.text.trimEnd()}\n`);
    else fields(fieldsOf(verdict));
    return verdict.valid ? EXIT.done : EXIT.failed;
  },
});
