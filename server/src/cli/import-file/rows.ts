import { extname } from 'node:path';
import type { Readable } from 'node:stream';
import { linesOf } from '../../lines.ts';
import { EXIT } from '../exit-codes.ts';
import { CommandFailure } from '../refusal.ts';
import { rowOfRecord } from './columns.ts';

export const FORMATS = ['json', 'jsonl', 'csv'] as const;
export type Format = (typeof FORMATS)[number];

/** A key to import and where it stands: the line, or the number in a JSON list; or why it cannot be read. */
export type Row = { place: number } & ({ key: Record<string, unknown> } | { problem: string });

/** `.jsonl` and `.ndjson`, `.csv`, else JSON. */
export function formatOf(path: string): Format | null {
  const found: Record<string, Format> = { '.json': 'json', '.jsonl': 'jsonl', '.ndjson': 'jsonl', '.csv': 'csv' };
  return found[extname(path).toLowerCase()] ?? null;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function rowOf(place: number, value: unknown): Row {
  return isRecord(value) ? { place, key: value } : { place, problem: 'is no JSON object' };
}

const LONGEST_JSON_BYTES = 256 * 1024 * 1024;

/** A list, or `{"keys": […]}`. Read whole: JSON has no lines. */
async function* jsonRows(input: Readable): AsyncGenerator<Row> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    bytes += chunk.length;
    if (bytes > LONGEST_JSON_BYTES) throw new CommandFailure('a JSON file of over 256 MiB: use JSON lines', EXIT.usage);
    chunks.push(Buffer.from(chunk));
  }
  let value: unknown;
  try {
    value = JSON.parse(
      Buffer.concat(chunks)
        .toString('utf8')
        .replace(/^\uFEFF/, ''),
    );
  } catch {
    throw new CommandFailure('the file is not valid JSON; for one object a line, add --format jsonl', EXIT.usage);
  }
  const list = isRecord(value) ? value.keys : value;
  if (!Array.isArray(list)) throw new CommandFailure('the file holds no list of keys', EXIT.usage);
  for (const [index, entry] of list.entries()) yield rowOf(index + 1, entry);
}

async function* jsonLineRows(input: Readable): AsyncGenerator<Row> {
  let place = 0;
  for await (const line of linesOf(input)) {
    place += 1;
    const text = line.replace(/^\uFEFF/, '').trim();
    if (text === '') continue;
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      yield { place, problem: 'is not valid JSON' };
      continue;
    }
    yield rowOf(place, value);
  }
}

const LONGEST_RECORD = 100_000;

async function* csvRows(input: Readable): AsyncGenerator<Row> {
  const { parse } = await import('csv-parse');
  const parser = parse({
    columns: (header: string[]) => header.map((name) => name.trim().toLowerCase()),
    bom: true,
    info: true,
    skip_empty_lines: true,
    max_record_size: LONGEST_RECORD,
  });
  input.on('error', (error) => parser.destroy(error));
  try {
    for await (const { record, info } of input.pipe(parser) as AsyncIterable<{
      record: Record<string, string>;
      info: { lines: number };
    }>) {
      const key = rowOfRecord(record);
      yield typeof key === 'string' ? { place: info.lines, problem: key } : { place: info.lines, key };
    }
  } catch (error) {
    const { code, lines } = error as Error & { code?: string; lines?: number };
    if (!code?.startsWith('CSV_')) throw error;
    throw new CommandFailure(
      `line ${lines ?? '?'} of the CSV cannot be read (${code}); what is above it was read`,
      EXIT.usage,
    );
  }
}

const READERS = { json: jsonRows, jsonl: jsonLineRows, csv: csvRows };

/** The rows of a file, one after another. Throws `CommandFailure` where it cannot go on. */
export function rowsOf(input: Readable, format: Format): AsyncGenerator<Row> {
  return READERS[format](input);
}
