// `npm run crash`: the long form. See docs/reliability.md.
import { parseArgs } from 'node:util';
import { ROUNDS_EACH, runRounds, type Summary } from './rounds.ts';
import type { DatabaseKind } from './victims.ts';

const USAGE = 'npm run crash -- [--database sqlite|postgres] [--rounds 200] [--seed 1] [--first 1]';

const out = (line: string) => void process.stdout.write(`${line}\n`);

function wholeNumber(text: string, name: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`--${name} must be a whole number of 1 or more`);
  return Number(text);
}

function readArguments() {
  const { values } = parseArgs({
    options: {
      database: { type: 'string', default: 'sqlite' },
      rounds: { type: 'string', default: '20' },
      seed: { type: 'string', default: '1' },
      first: { type: 'string', default: '1' },
    },
  });
  if (values.database !== 'sqlite' && values.database !== 'postgres') {
    throw new Error('--database must be sqlite or postgres');
  }
  const database: DatabaseKind = values.database;
  return {
    database,
    rounds: wholeNumber(values.rounds, 'rounds'),
    seed: wholeNumber(values.seed, 'seed'),
    first: wholeNumber(values.first, 'first'),
  };
}

const list = (counts: Map<string, number>) => [...counts].map(([name, times]) => `${name} ${times}`).join(', ');

function tell(wanted: ReturnType<typeof readArguments>, summary: Summary, tookMs: number): void {
  const { sent, answered, unanswered } = summary.calls;
  out('');
  out(`database    ${wanted.database}`);
  out(`seed        ${wanted.seed}`);
  out(`rounds      ${summary.rounds} in ${Math.round(tookMs / 1000)} s`);
  out(`kills       ${list(summary.kills)}`);
  out(`calls       ${sent}: ${answered} answered, ${unanswered} without an answer`);
  out(`operations  ${list(summary.operations)}`);
  out(`changes     ${list(summary.deeds)}`);
  out(`violations  ${summary.violations.length}`);
  if (summary.violations.length === 0) return;
  for (const violation of summary.violations) out(`  - ${violation}`);
  const failed = summary.failedRound ?? wanted.first;
  const first = failed - ((failed - 1) % ROUNDS_EACH);
  out(`data kept   ${summary.keptIn}`);
  out(
    `again       npm run crash -- --database ${wanted.database} --seed ${wanted.seed} --first ${first} --rounds ${failed - first + 1}`,
  );
}

async function main(): Promise<number> {
  const wanted = readArguments();
  const startedMs = Date.now();
  const summary = await runRounds({ ...wanted, say: out });
  tell(wanted, summary, Date.now() - startedMs);
  return summary.violations.length === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n${USAGE}\n`);
  process.exitCode = 2;
}
