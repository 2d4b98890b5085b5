import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../temporary-folder.ts';
import { type Api, createApi } from './api.ts';
import { dumpPostgres } from './facts.ts';
import { emptyModel, type Model } from './model.ts';
import { seededRandom } from './random.ts';
import { type Plan, planRound, type Round, runRound } from './round.ts';
import { fillModel } from './setup.ts';
import {
  type DatabaseKind,
  end,
  type Installation,
  killWhileStarting,
  newInstallation,
  rootKeyOf,
  type Services,
  start,
  startServices,
  stopServices,
} from './victims.ts';

/** How many rounds one installation lives: old promises are checked again after each crash, and then a fresh one begins. */
export const ROUNDS_EACH = 10;

export interface Wanted {
  database: DatabaseKind;
  seed: number;
  /** The first round and how many; the first is moved down to where its installation began. */
  first?: number;
  rounds: number;
  /** Hears a line about each round. */
  say(line: string): void;
  /** Instead of what the seed says; for tests of this harness, like `meddle`. */
  plan?: Partial<Plan>;
  /** Does mischief while everything is down, to see it found. */
  meddle?(installation: Installation): Promise<void>;
}

export interface Summary {
  rounds: number;
  calls: { sent: number; answered: number; unanswered: number };
  operations: Map<string, number>;
  kills: Map<string, number>;
  /** Changes that were acknowledged, and unanswered ones that turned out to have happened or not. */
  deeds: Map<string, number>;
  violations: string[];
  failedRound: number | null;
  /** Where the data of a failed round is. */
  keptIn: string | null;
}

/** One installation with the clients that use it. */
interface Generation {
  installation: Installation;
  model: Model;
  api: Api;
}

interface Run {
  wanted: Wanted;
  services: Services | null;
  summary: Summary;
}

const count = (counts: Map<string, number>, name: string, by = 1) => counts.set(name, (counts.get(name) ?? 0) + by);

const wordsOf = (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error));

/** A fresh installation, whose first start, migrations included, is killed a few times before it may end. */
async function beginGeneration({ wanted, services, summary }: Run, round: number): Promise<Generation> {
  const random = seededRandom(`${wanted.seed}/${wanted.database}/${round}/begin`);
  const name = `crash_${wanted.seed}_${round}_${process.pid}_${Date.now()}`;
  const installation = await newInstallation(temporaryFolder(), services, name);
  const generation: Generation = { installation, api: createApi(), model: emptyModel() };
  try {
    const killsMs = Array.from({ length: random.below(4) }, () => 100 + random.below(600));
    for (const afterMs of killsMs) await killWhileStarting(installation, afterMs);
    count(summary.kills, 'at first start', killsMs.length);
    generation.api.url = await start(installation);
    await fillModel(generation.model, generation.api, rootKeyOf(installation));
  } catch (error) {
    generation.model.violations.push(wordsOf(error));
  }
  return generation;
}

function noteRound({ summary }: Run, { plan, api }: Round, before: Api['counts']): void {
  count(summary.kills, plan.strike);
  count(summary.kills, 'at start', plan.killsAtStartMs.length);
  for (const name of ['sent', 'answered', 'unanswered'] as const)
    summary.calls[name] += api.counts[name] - before[name];
}

function lineOf({ plan, model }: Round, number: number, sinceMs: number): string {
  const states = new Map<string, number>();
  for (const { state } of model.deeds) count(states, state);
  const deeds = [...states].map(([state, times]) => `${times} ${state}`).join(', ');
  const kills = [plan.strike, ...plan.killsAtStartMs.map((ms) => `at start (${ms} ms)`)].join(', ');
  const verdict = model.violations.length === 0 ? 'ok' : `${model.violations.length} VIOLATIONS`;
  return `round ${number}  ${kills}  |  changes: ${deeds}  |  ${((Date.now() - sinceMs) / 1000).toFixed(1)} s  ${verdict}`;
}

async function oneRound(run: Run, generation: Generation, number: number, isLast: boolean): Promise<void> {
  const { wanted, summary } = run;
  const random = seededRandom(`${wanted.seed}/${wanted.database}/${number}`);
  const sinceMs = Date.now();
  const plan = { ...planRound(wanted.database, random), ...wanted.plan };
  const round: Round = {
    ...generation,
    name: `${wanted.seed}-${number}`,
    plan,
    random,
    isLast,
    operations: summary.operations,
    ...(wanted.meddle ? { meddle: wanted.meddle } : {}),
  };
  const before = { ...generation.api.counts };
  try {
    await runRound(round);
  } catch (error) {
    generation.model.violations.push(wordsOf(error));
  }
  noteRound(run, round, before);
  summary.rounds += 1;
  wanted.say(lineOf(round, number, sinceMs));
}

async function endGeneration({ summary }: Run, { installation, api, model }: Generation): Promise<void> {
  api.close();
  await end(installation, 'SIGKILL');
  for (const { state } of model.deeds) count(summary.deeds, state);
  summary.violations.push(...model.violations);
  const { dataDir } = installation.place;
  if (model.violations.length === 0) return rmSync(dataDir, { recursive: true, force: true });
  summary.keptIn = dataDir;
  writeFileSync(join(dataDir, 'servers.log'), installation.log.join('\n--- killed ---\n'));
  await dumpPostgres(installation.place).catch((error) => summary.violations.push(wordsOf(error)));
}

/** Runs rounds until one breaks a promise, or all are done. */
export async function runRounds(wanted: Wanted): Promise<Summary> {
  const { database, rounds, first = 1 } = wanted;
  const summary: Summary = {
    rounds: 0,
    calls: { sent: 0, answered: 0, unanswered: 0 },
    operations: new Map(),
    kills: new Map(),
    deeds: new Map(),
    violations: [],
    failedRound: null,
    keptIn: null,
  };
  const services = await startServices(database);
  const run: Run = { wanted, services, summary };
  const last = first + rounds - 1;
  let number = first - ((first - 1) % ROUNDS_EACH);
  try {
    while (number <= last && summary.violations.length === 0) {
      const generation = await beginGeneration(run, number);
      for (let isLast = false; !isLast && generation.model.violations.length === 0; number += 1) {
        isLast = number % ROUNDS_EACH === 0 || number === last;
        await oneRound(run, generation, number, isLast);
      }
      if (generation.model.violations.length > 0) summary.failedRound = Math.max(number - 1, first);
      await endGeneration(run, generation);
    }
  } finally {
    await stopServices(services);
  }
  return summary;
}
