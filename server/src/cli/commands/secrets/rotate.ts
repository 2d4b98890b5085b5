import type { EncryptionKey } from '../../../crypto/index.ts';
import { command } from '../../command.ts';
import type { Context } from '../../context.ts';
import { EXIT } from '../../exit-codes.ts';
import { CommandFailure, UsageError } from '../../refusal.ts';

const OPTIONS = {
  show: { type: 'flag', description: 'Print the new setting, with its keys, also where stdout is no terminal' },
  json: { type: 'flag', description: 'Print JSON on stdout' },
} as const;

type RotateContext = Context<typeof OPTIONS, Record<never, never>>;

const SETTING = 'LATCHKEY_ENCRYPTION_KEYS';

const toEntry = ({ id, bytes }: EncryptionKey) => `${id}:${Buffer.from(bytes).toString('base64')}`;

/** The day, and a number where that is taken: ids of keys are never used twice. */
function newKeyId(nowMs: number, keys: readonly EncryptionKey[]): string {
  const day = new Date(nowMs).toISOString().slice(0, 10);
  const isFree = (id: string) => !keys.some((key) => key.id === id);
  for (let number = 1; ; number += 1) {
    const id = number === 1 ? day : `${day}-${number}`;
    if (isFree(id)) return id;
  }
}

const AFTERWARDS =
  'The server then wraps what the old key sealed anew, in the background. `latchkey secrets status` says when the old\n' +
  'key can be dropped. Backups made before need it as long as you keep them.\n';

/** Development: the keys are in a file of the data dir. */
async function rotateFile(context: RotateContext, dataDir: string, key: EncryptionKey): Promise<number> {
  const { host, options, json, out } = context;
  if (!(await host.program.addGeneratedEncryptionKey(dataDir, toEntry(key)))) {
    throw new CommandFailure(
      `there are no encryption keys in ${dataDir}, or another \`latchkey secrets rotate\` is at work. ` +
        'Start the server once, or wait for the other',
    );
  }
  if (options.json) json({ key_id: key.id, written_to: `${dataDir}/encryption-keys` });
  else {
    out(`The key "${key.id}" now stands first in ${dataDir}/encryption-keys.\n\nRestart the server to use it.\n`);
    out(AFTERWARDS);
  }
  return EXIT.done;
}

/** Several processes must all be able to open what one of them seals: each learns the key before one uses it. */
function stepsOf(keys: readonly EncryptionKey[], key: EncryptionKey, manyProcesses: boolean): string[] {
  const setting = (order: readonly EncryptionKey[]) => order.map(toEntry).join(',');
  const last = setting([key, ...keys]);
  return manyProcesses ? [setting([...keys, key]), last] : [last];
}

function printSetting({ options, json, out }: RotateContext, key: EncryptionKey, steps: readonly string[]): number {
  if (options.json) {
    json({ key_id: key.id, steps: steps.map((value) => ({ [SETTING]: value })) });
    return EXIT.done;
  }
  const [first, second] = steps;
  out(`# ${second ? '1. ' : ''}Set this${second ? ' for every process' : ''}, and restart:\n${SETTING}=${first}\n`);
  if (second) out(`# 2. When each of them has restarted, set this, and restart again:\n${SETTING}=${second}\n`);
  out(`#\n${AFTERWARDS.replace(/^(?=.)/gm, '# ')}`);
  return EXIT.done;
}

export const secretsRotate = command({
  path: 'secrets rotate',
  summary: 'Make a new encryption key, and put it in front of the old ones',
  text: [
    'Where LATCHKEY_ENCRYPTION_KEYS is set, prints what to set it to; nothing is saved. On PostgreSQL, which several ' +
      'processes may share, in two steps. Where a development server made the keys, writes the new one into its file.',
    'A running server goes on with the old key until it is restarted. Nothing is lost if you stop half way: all keys in ' +
      'the list decrypt.',
  ],
  examples: [
    { line: 'latchkey secrets rotate', what: 'On a terminal' },
    { line: 'latchkey secrets rotate --show --json', what: 'For a script that sets it' },
  ],
  options: OPTIONS,
  run: async (context) => {
    const { host, options } = context;
    const { config } = host.program.readSettings({ makesSecrets: false });
    const keys = config.encryptionKeys;
    const key = { id: newKeyId(host.clock.nowMs(), keys), bytes: host.randomBytes(32) };
    if (!host.environment[SETTING]?.trim()) return rotateFile(context, config.dataDir, key);
    if (!options.show && host.stdout.isTTY !== true) {
      throw new UsageError('it would print keys, and stdout is no terminal: add --show', 'secrets rotate');
    }
    return printSetting(context, key, stepsOf(keys, key, config.database.kind === 'postgres'));
  },
});
