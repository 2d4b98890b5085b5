import { createReadStream, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { Api } from '../../api/client.ts';
import { command, serverOptions } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import type { Input } from '../../host.ts';
import { CSV_COLUMNS } from '../../import-file/columns.ts';
import { FORMATS, type Format, formatOf, type Row, rowsOf } from '../../import-file/rows.ts';
import { merge, type Outcome, sendRows } from '../../import-file/send.ts';
import type { Progress } from '../../progress.ts';
import { CommandFailure, UsageError } from '../../refusal.ts';
import { workspaceOption } from './fields.ts';
import { inWorkspace } from './one.ts';

const path = 'keys import';
const BATCH = 100;

function openFile(file: string, stdin: Input): Readable {
  if (file === '-') {
    if (stdin.isTTY) throw new UsageError('stdin is a terminal: name a file, or pipe one in', path);
    return stdin;
  }
  try {
    if (!statSync(file).isDirectory()) return createReadStream(file);
  } catch (error) {
    throw new UsageError(`${file} cannot be read (${(error as NodeJS.ErrnoException).code})`, path);
  }
  throw new UsageError(`${file} is a folder`, path);
}

type Send = (rows: Extract<Row, { key: unknown }>[]) => Promise<Outcome>;

/** Reads and sends in batches; told of each refused row as it is found. */
async function importRows(
  rows: AsyncIterable<Row>,
  send: Send,
  progress: Progress,
  tell: (refused: Outcome['refused']) => void,
): Promise<Outcome> {
  let total: Outcome = { imported: 0, existing: 0, refused: [] };
  let batch: Extract<Row, { key: unknown }>[] = [];
  const note = (outcome: Outcome) => {
    outcome.refused.sort((a, b) => a.place - b.place);
    tell(outcome.refused);
    total = merge(total, outcome);
  };
  const flush = async () => {
    note(await send(batch));
    progress.add(batch.length);
    batch = [];
  };
  for await (const row of rows) {
    if ('problem' in row) {
      note({ imported: 0, existing: 0, refused: [{ place: row.place, code: 'unreadable', message: row.problem }] });
      continue;
    }
    batch.push(row);
    if (batch.length === BATCH) await flush();
  }
  if (batch.length > 0) await flush();
  return total;
}

const onlyCount: Send = async (rows) => ({ imported: rows.length, existing: 0, refused: [] });

function senderOf(api: Api | null, workspace: string | undefined, again: boolean): Send {
  if (api === null) return onlyCount;
  return (rows) => sendRows(api, rows, { workspace: inWorkspace(workspace), again });
}

export const keysImport = command({
  path,
  summary: 'Take keys of another system over, by their hashes',
  text: [
    'Each row is a new key with its hash: SHA-256, bcrypt or argon2. A row that is refused is told with its line, ' +
      'and the rest goes on; the exit code is then 1. It may be run again: keys that are there already are counted, not ' +
      'made twice.',
    'JSON and JSON lines have the fields of the API (`hash` is `{"algorithm", "value"}`). CSV begins with a line of ' +
      `column names: ${CSV_COLUMNS.join(', ')}. Several scopes or addresses in a cell are parted by spaces; without ` +
      'hash_algorithm a hash is SHA-256.',
  ],
  examples: [
    { line: 'latchkey keys import keys.csv', what: 'The format by the name of the file' },
    { line: 'latchkey keys import keys.csv --dry-run', what: 'Only read the file' },
    { line: 'export-old-keys | latchkey keys import - --format jsonl', what: 'One JSON object a line, from a program' },
  ],
  positionals: { file: { value: 'FILE', description: 'JSON, JSON lines or CSV; - is stdin' } },
  options: {
    format: { type: 'text', value: 'FORMAT', description: 'When the name does not say', choices: FORMATS },
    'dry-run': { type: 'flag', description: 'Read the file, and send nothing' },
    again: { type: 'flag', description: 'Also what was imported in the last day, and deleted since' },
    ...workspaceOption,
    ...serverOptions,
  },
  run: async (context) => {
    const { options, positionals, host, err, errStyle } = context;
    const format = (options.format as Format | undefined) ?? formatOf(positionals.file);
    if (format === null) throw new UsageError('the format does not show: add --format json, jsonl or csv', path);
    const rows = rowsOf(openFile(positionals.file, host.stdin), format);
    const api = options['dry-run'] ? null : await context.openApi();
    const place = format === 'json' ? 'key' : 'line';
    const progress = context.progress(options['dry-run'] ? 'Reading' : 'Importing', null);
    const tell = (refused: Outcome['refused']) => {
      if (refused.length > 0) progress.end();
      for (const row of refused) err(errStyle.bad(`${place} ${row.place}: ${row.code}: ${row.message}\n`));
    };
    let outcome: Outcome;
    try {
      outcome = await importRows(rows, senderOf(api, options.workspace, options.again), progress, tell);
    } catch (error) {
      progress.end();
      if (error instanceof CommandFailure) err('It stopped before the end; run it again to go on.\n');
      throw error;
    }
    progress.end();
    report(context, outcome, options);
    return outcome.refused.length === 0 ? EXIT.done : EXIT.failed;
  },
});

function report(
  { json, out }: { json(value: unknown): void; out(text: string): void },
  { imported, existing, refused }: Outcome,
  options: { json: boolean; 'dry-run': boolean },
): void {
  const verb = options['dry-run'] ? 'would be imported' : 'imported';
  if (options.json) json({ dry_run: options['dry-run'], imported, existing, refused });
  else out(`${imported} ${verb}, ${existing} there already, ${refused.length} refused\n`);
}
