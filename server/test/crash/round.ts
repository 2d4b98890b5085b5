import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from './api.ts';
import { deedsAreRecorded } from './checks/audit.ts';
import type { Check, CheckContext } from './checks/check.ts';
import { CHECKS, CHECKS_OF_STATE } from './checks/index.ts';
import { ageNextSigningKey, isQuiet, readFacts } from './facts.ts';
import { choose, type Lane, type Operation } from './lane.ts';
import { type Model, quotasOf } from './model.ts';
import { OPERATIONS } from './operations/index.ts';
import type { SeededRandom } from './random.ts';
import {
  type DatabaseKind,
  end,
  type Installation,
  isReady,
  killWhileStarting,
  loggedHeads,
  STRIKES,
  type Strike,
  start,
  verifyAudit,
} from './victims.ts';

/** What is done in one round, drawn from its seed before it begins. */
export interface Plan {
  strike: Strike;
  /** The strike falls when so many calls were sent, or so much time has passed. */
  afterCalls: number;
  atMostMs: number;
  /** How long before the strike the last changes are asked for, many at once. */
  salvoMs: number;
  /** Names of the only operations that are done; all unless said. For tests of this harness. */
  only?: readonly string[];
  /** Before the real start, the server is started and killed after so many milliseconds each. */
  killsAtStartMs: number[];
}

const endsServer = (strike: Strike) => strike !== 'postgres' && strike !== 'redis';

export function planRound(database: DatabaseKind, random: SeededRandom): Plan {
  const strike = random.pick<Strike>(STRIKES[database]) ?? 'server';
  const killsAtStart = endsServer(strike) && random.chance(30) ? 1 + random.below(2) : 0;
  return {
    strike,
    afterCalls: 30 + random.below(1200),
    atMostMs: 400 + random.below(1600),
    salvoMs: random.below(25),
    killsAtStartMs: Array.from({ length: killsAtStart }, () => random.below(600)),
  };
}

export interface Round {
  name: string;
  plan: Plan;
  installation: Installation;
  api: Api;
  model: Model;
  random: SeededRandom;
  /** Everything is checked, as the installation is not used again. */
  isLast: boolean;
  /** Runs while everything is down. */
  meddle?(installation: Installation): Promise<void>;
  /** How often each operation ran, over all rounds. */
  operations: Map<string, number>;
}

/** No name is used twice, neither for a call nor for an Idempotency-Key, also when rounds are run again. */
function nameGiver(prefix: string): () => string {
  let count = 0;
  return () => {
    count += 1;
    return `${prefix}-${count}`;
  };
}

interface Load {
  lanes: Lane[];
  isOver: boolean;
}

function lanesOf({ name, api, model, random }: Round): Lane[] {
  return model.lanes.map((own) => ({
    own,
    model,
    api,
    random: random.fork(own.name),
    newName: nameGiver(`crash-${name}-${own.name}`),
  }));
}

const chosen = ({ plan: { only } }: Round) => OPERATIONS.filter(({ name }) => only?.includes(name) ?? true);

async function runOne(lane: Lane, from: readonly Operation[], { operations }: Round): Promise<void> {
  const operation = choose(from, lane.random);
  operations.set(operation.name, (operations.get(operation.name) ?? 0) + 1);
  await operation.run(lane);
}

async function runLane(load: Load, lane: Lane, round: Round): Promise<void> {
  const from = chosen(round);
  while (!load.isOver) {
    await runOne(lane, from, round);
    // One that had nothing to do must not keep the processor.
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const SALVO = 4;

/** Many changes at once, so that the strike meets some of them half done. */
function startSalvo(load: Load, round: Round): Promise<unknown> {
  const changes = chosen(round).filter(({ isChange }) => isChange);
  const salvo = load.lanes.flatMap((lane) => Array.from({ length: SALVO }, () => runOne(lane, changes, round)));
  return Promise.all(salvo);
}

/** Resolves when enough was sent, or the time is up. */
async function untilStrike({ api, plan }: Round): Promise<void> {
  const goal = api.counts.sent + plan.afterCalls;
  for (const endAt = Date.now() + plan.atMostMs; Date.now() < endAt && api.counts.sent < goal; ) await sleep(1);
}

const OUTAGE_MS = 250;

/** What a kill may have cost the quotas: what was set aside in memory, and a reservation whose answer was lost. */
function noteLosses(model: Model, strike: Strike): void {
  const blocks = { sigterm: 0, redis: 0, server: 1, postgres: 2, 'server and postgres': 2, all: 2 }[strike];
  for (const quota of quotasOf(model)) quota.mayBeLost += blocks * quota.block;
}

async function strikeNow(round: Round, load: Load): Promise<void> {
  const { installation, plan, model } = round;
  const { services } = installation;
  const { strike } = plan;
  noteLosses(model, strike);
  const isServerHit = endsServer(strike);
  if (isServerHit) load.isOver = true;
  await Promise.all([
    strike === 'postgres' || strike === 'server and postgres' || strike === 'all' ? services?.postgres.kill9() : null,
    strike === 'redis' || strike === 'all' ? services?.redis.kill9() : null,
    isServerHit && strike !== 'sigterm' ? end(installation, 'SIGKILL') : null,
    strike === 'sigterm' ? stopGracefully(round) : null,
  ]);
  if (!isServerHit) await sleep(OUTAGE_MS);
  load.isOver = true;
}

async function stopGracefully({ installation, model }: Pick<Round, 'installation' | 'model'>): Promise<void> {
  const exit = await end(installation, 'SIGTERM');
  if (exit && exit.code !== 0) model.violations.push(`SIGTERM ended the server with ${exit.code ?? exit.signal}`);
}

/** Brings back what was killed, the server last and after a few more kills. */
async function recover({ installation, api, plan, random, meddle }: Round): Promise<void> {
  const { services, program } = installation;
  const isHit = (name: Strike) => plan.strike === name || plan.strike === 'all';
  if (isHit('postgres') || isHit('server and postgres')) await services?.postgres.restart();
  if (isHit('redis')) await services?.redis.restart();
  if (program) return isReady(program);
  const downSince = new Date();
  if (random.fork('time').chance(50)) await ageNextSigningKey(installation.place);
  await meddle?.(installation);
  for (const afterMs of plan.killsAtStartMs) await killWhileStarting(installation, afterMs);
  api.url = await start(installation);
  await isQuiet(installation.place, downSince);
}

async function contextOf(round: Round, lanes: Lane[]): Promise<CheckContext> {
  const { name, installation, api, model, random, isLast } = round;
  for (const [number, hash] of loggedHeads(installation)) model.heads.set(number, hash);
  return {
    model,
    api,
    facts: await readFacts(installation.place),
    random: random.fork('checks'),
    lanes,
    isLast,
    newName: nameGiver(`check-${name}`),
  };
}

/** Every check, until one finds something: what comes after it would only repeat it. */
async function check(round: Round, lanes: Lane[], checks: readonly Check[]): Promise<void> {
  const { installation, model } = round;
  const context = await contextOf(round, lanes);
  const verified = verifyAudit(installation);
  for (const checkOne of checks) if (model.violations.length === 0) await checkOne(context);
  const problem = await verified;
  if (problem !== null) model.violations.push(problem);
}

/** The end of an installation: a clean stop, and what the last checks did is looked at too. */
export async function finish({ installation, model }: Round): Promise<void> {
  await stopGracefully({ installation, model });
  const facts = await readFacts(installation.place);
  for (const problem of facts.damage) model.violations.push(`the database is damaged: ${problem}`);
  await deedsAreRecorded({ model, facts });
  const problem = await verifyAudit(installation);
  if (problem !== null) model.violations.push(problem);
}

/** Load, a strike in the middle of it, recovery, and every check. What is broken stands in `model.violations`. */
export async function runRound(round: Round): Promise<void> {
  const before = round.api.counts.unavailable;
  const load: Load = { lanes: lanesOf(round), isOver: false };
  const running = Promise.all(load.lanes.map((lane) => runLane(load, lane, round)));
  await Promise.race([untilStrike(round), running]);
  const salvo = startSalvo(load, round);
  await sleep(round.plan.salvoMs);
  await strikeNow(round, load);
  await Promise.all([running, salvo, recover(round)]);
  const refused = round.api.counts.unavailable - before;
  // On one file and until it is killed, nothing that a server needs was ever missing.
  if (refused > 0 && round.installation.services === null && round.plan.strike === 'server') {
    round.model.violations.push(`${refused} calls were answered 503 while nothing was missing`);
  }
  await check(round, load.lanes, CHECKS);
  if (!round.isLast || round.model.violations.length > 0) return;
  // The repetitions have changed something: all of it is looked at once more.
  await check(round, load.lanes, CHECKS_OF_STATE);
  await finish(round);
}
