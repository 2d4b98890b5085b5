import { setTimeout as pause } from 'node:timers/promises';
import { type AuditEvent, readNewestEvents } from '../../../audit/index.ts';
import { command, jsonOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { jsonText, plainText, type Style } from '../../style.ts';

const LOOK_EVERY_MS = 500;

/** Time, deed, who, on what, and what it says. */
function lineOf(event: AuditEvent, style: Style): string {
  const { created_at, action, actor_kind, actor_id, target_id, data } = event;
  const actor = actor_id === null || actor_id === actor_kind ? actor_kind : `${actor_kind} ${actor_id}`;
  const said = Object.entries(data).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  const words = [created_at, action.padEnd(20), actor, target_id ? `-> ${target_id}` : '', ...said];
  const [time = '', deed = '', ...rest] = words.filter(Boolean).map((word) => plainText(word));
  return `${style.dim(time)} ${style.bold(deed)} ${rest.join(' ')}\n`;
}

export const auditTail = command({
  path: 'audit tail',
  summary: 'Show the newest events of the audit log',
  text: ['Reads the database itself, also while the server runs.'],
  examples: [
    { line: 'latchkey audit tail', what: 'The last ten' },
    { line: 'latchkey audit tail -n 0 --follow', what: 'What happens from now on, until Ctrl-C' },
    { line: 'latchkey audit tail --json | jq .action', what: 'One JSON object a line' },
  ],
  options: {
    ...jsonOption,
    number: { type: 'number', short: 'n', value: 'N', description: 'How many', default: 10, min: 0, max: 1_000_000 },
    follow: { type: 'flag', short: 'f', description: 'Go on with what is recorded meanwhile' },
  },
  run: async ({ options, write, style, openInstallation }) => {
    const { database, close } = await openInstallation();
    try {
      for await (const events of readNewestEvents(database, options.number)) {
        const lines = events.map((event) => (options.json ? `${jsonText(event)}\n` : lineOf(event, style)));
        if (lines.length > 0) await write(lines.join(''));
        if (!options.follow) break;
        await pause(LOOK_EVERY_MS);
      }
      return EXIT.done;
    } finally {
      await close();
    }
  },
});
