import { type AuditEvent, readAuditEvents } from '../../../audit/index.ts';
import { command } from '../../command.ts';
import { csvLine } from '../../csv.ts';
import { EXIT } from '../../exit-codes.ts';
import { UsageError } from '../../refusal.ts';
import { jsonText } from '../../style.ts';
import { readTimeMs } from '../../times.ts';

const path = 'audit export';

const FIELDS = [
  'id',
  'created_at',
  'action',
  'actor_kind',
  'actor_id',
  'workspace_id',
  'environment',
  'target_id',
  'request_id',
  'address',
  'batch',
] as const satisfies (keyof AuditEvent)[];

const asCsv = (event: AuditEvent) => csvLine([...FIELDS.map((name) => event[name]), jsonText(event.data)]);
const asJson = (event: AuditEvent) => `${jsonText(event)}\n`;

export const auditExport = command({
  path,
  summary: 'Write events of the audit log to stdout, oldest first',
  text: [
    'Reads the database itself, also while the server runs, and holds little in memory however long the log is. ' +
      'In CSV, a cell that a spreadsheet would take for a formula begins with an apostrophe.',
  ],
  examples: [
    { line: 'latchkey audit export > audit.jsonl', what: 'All of it, one JSON object a line' },
    { line: 'latchkey audit export --format csv --since 30d > audit.csv', what: 'The last thirty days' },
    { line: 'latchkey audit export --since 2030-01-01 --until 2030-02-01', what: 'A month (UTC)' },
  ],
  options: {
    format: { type: 'text', value: 'FORMAT', description: 'How', default: 'jsonl', choices: ['jsonl', 'csv'] },
    since: { type: 'text', value: 'TIME', description: 'From this time on: RFC 3339, a day, or a duration before now' },
    until: { type: 'text', value: 'TIME', description: 'Before this time' },
  },
  run: async ({ options, host, write, openInstallation, progress }) => {
    const sinceMs = readTimeMs('since', options.since, host.clock, path);
    const untilMs = readTimeMs('until', options.until, host.clock, path);
    if (sinceMs !== null && untilMs !== null && sinceMs >= untilMs) {
      throw new UsageError('--since is not before --until', path);
    }
    const isCsv = options.format === 'csv';
    const { database, close } = await openInstallation();
    // Two things in one place: on a terminal the lines themselves show how far it is.
    const bar = host.stdout.isTTY ? null : progress('Exporting', null);
    try {
      if (isCsv) await write(csvLine([...FIELDS, 'data']));
      for await (const events of readAuditEvents(database, { sinceMs, untilMs })) {
        await write(events.map(isCsv ? asCsv : asJson).join(''));
        bar?.add(events.length);
      }
      return EXIT.done;
    } finally {
      bar?.end();
      await close();
    }
  },
});
