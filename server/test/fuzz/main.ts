// npm run fuzz -- --requests 200000 --seed N [--database sqlite|postgres] [--lanes N] [--json]
import { parseArgs } from 'node:util';
import { createDatabase, startPostgres } from '../services/postgres.ts';
import { fuzz } from './fuzz.ts';
import type { FuzzReport } from './run.ts';

const out = (text: string) => process.stdout.write(`${text}\n`);
const err = (text: string) => process.stderr.write(`${text}\n`);

function wholeNumber(name: string, text: string): number {
  if (/^\d{1,9}$/.test(text)) return Number(text);
  err(`fuzz: --${name} must be a whole number`);
  process.exit(2);
}

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        requests: { type: 'string', default: '20000' },
        seed: { type: 'string' },
        lanes: { type: 'string', default: '24' },
        database: { type: 'string', default: 'sqlite' },
        json: { type: 'boolean', default: false },
      },
    });
    if (!['sqlite', 'postgres'].includes(values.database)) throw new Error('--database must be sqlite or postgres');
    return values;
  } catch (error) {
    err(`fuzz: ${(error as Error).message}`);
    return process.exit(2);
  }
}

function show(report: FuzzReport): void {
  const { violations, tables, unreached, statuses, oauth, ...numbers } = report;
  for (const [name, value] of Object.entries(numbers)) out(`${name.padEnd(18)} ${[value].flat().join(' -> ')}`);
  for (const [name, counts] of Object.entries({ statuses, oauth, tables })) {
    const all = Object.entries(counts).map(([what, count]) => `${what}: ${count}`);
    out(`${name.padEnd(18)} ${all.join(', ')}`);
  }
  out(`never succeeded    ${unreached.join(', ') || 'none'}`);
  for (const { what, where } of violations) out(`\nVIOLATION ${what}\n  ${where}`);
  out(`\n${violations.length} violations`);
}

const args = readArguments();
const seed = wholeNumber('seed', args.seed ?? String(Math.floor(Math.random() * 1_000_000)));
const requests = wholeNumber('requests', args.requests);
const postgres = args.database === 'postgres' ? await startPostgres() : null;
try {
  const databaseUrl = postgres ? await createDatabase(postgres.url, `fuzz_${seed}_${process.pid}`) : null;
  err(`fuzz: ${requests} requests, seed ${seed}, ${args.database}`);
  const onProgress = (sent: number) => err(`fuzz: ${sent} of ${requests}`);
  const report = await fuzz({ seed, requests, lanes: wholeNumber('lanes', args.lanes), databaseUrl, onProgress });
  if (args.json) out(JSON.stringify(report));
  else show(report);
  process.exitCode = report.violations.length === 0 ? 0 : 1;
} finally {
  await postgres?.stop();
}
