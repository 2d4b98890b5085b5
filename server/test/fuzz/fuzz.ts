import { randomBytes } from 'node:crypto';
import { createWorld, type Prepare, type World } from './callers.ts';
import { diceOf } from './dice.ts';
import { bytesOf, type Draft, targetOf } from './draft.ts';
import { type Acknowledged, holdingProblems, tableProblems, tableSizes } from './growth.ts';
import { PATIENCE_MS, watchHealth } from './health.ts';
import { Lane } from './lane.ts';
import { createLogWatch, type LogWatch } from './log-watch.ts';
import { createFinder, type OpenApiDocument, type Operation, operationsOf } from './operations.ts';
import { createOracle, isGate, shapeFor, type Verdict } from './oracle.ts';
import { draftOf } from './plan.ts';
import type { Holdings } from './probe.ts';
import { type RawCase, rawCase } from './raw-cases.ts';
import { problemsOfRaw, runRaw } from './raw-run.ts';
import { replayLine, reproductionOf } from './reproduction.ts';
import { SecretBook } from './secrets.ts';
import { openSlowClients } from './slow.ts';
import { startTarget, type Target } from './target.ts';
import { Connection, type Outcome } from './wire.ts';

export interface FuzzOptions {
  seed: number;
  /** Requests to documented routes; raw connections come on top, one for each `RAW_EVERY` of them. */
  requests: number;
  /** How many are sent at a time. */
  lanes?: number;
  /** Null: SQLite in a folder of its own. */
  databaseUrl?: string | null;
  /** Ends the run early when so many violations were found. */
  maxViolations?: number;
  onProgress?(sent: number): void;
}

/** Something that must not be. */
export interface Violation {
  what: string;
  /** Where in the run, and how to send it once more. */
  where: string;
}

export interface FuzzReport {
  seed: number;
  requests: number;
  rawConnections: number;
  seconds: number;
  requestsPerSecond: number;
  /** How many replies there were of each status. */
  statuses: Record<string, number>;
  /** How many of the documented operations were answered with success at least once. */
  reached: number;
  operations: number;
  /** `POST /v1/…` of those that were not. */
  unreached: string[];
  logLines: number;
  secrets: number;
  slowestHealthMs: number;
  /** MiB after a forced collection: at the start, at half-time, at the end. */
  heapMiB: number[];
  residentMiB: number[];
  tables: Record<string, number>;
  violations: Violation[];
}

const RAW_EVERY = 10;
const SLOW_CLIENTS = 8;
/** From so many requests on, slow bodies are waited for too, and the preparation of the heap is thorough. */
const LONG_RUN = 20_000;

/** Counts, and what was found; shared by all that runs at the same time. */
class Run {
  readonly options: Required<Omit<FuzzOptions, 'onProgress'>>;
  readonly violations: Violation[] = [];
  readonly statuses: Record<string, number> = {};
  readonly reached = new Set<Operation>();
  readonly acknowledged: Acknowledged = { writes: 0, keyed: 0, imported: 0, seconds: 0 };
  rawConnections = 0;
  sent = 0;
  sendingSeconds = 0;
  slowestHealthMs = 0;

  constructor({ seed, requests, lanes = 24, databaseUrl = null, maxViolations = 10 }: FuzzOptions) {
    this.options = { seed, requests, lanes, databaseUrl, maxViolations };
  }

  get isOver(): boolean {
    return this.violations.length >= this.options.maxViolations;
  }

  found(what: string, where: string): void {
    if (!this.isOver) this.violations.push({ what, where });
  }

  count(status: number | string): void {
    this.statuses[status] = (this.statuses[status] ?? 0) + 1;
  }

  name(index: number): string {
    return `--seed ${this.options.seed} #${index}`;
  }
}

function preparer(port: number): Prepare {
  const connection = new Connection(port, PATIENCE_MS);
  return async ({ key, method, path, json, status }) => {
    const body = json === undefined ? '' : JSON.stringify(json);
    const lines = [`${method ?? (json === undefined ? 'GET' : 'POST')} ${path} HTTP/1.1`, 'Host: localhost'];
    if (key !== null) lines.push(`Authorization: Bearer ${key}`);
    if (body !== '') lines.push('Content-Type: application/json', `Content-Length: ${Buffer.byteLength(body)}`);
    const outcome = await connection.send(Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`), false);
    if (typeof outcome === 'string' || outcome.status !== status) {
      throw new Error(`${path}: ${typeof outcome === 'string' ? outcome : `${outcome.status} ${outcome.text}`}`);
    }
    return outcome.text === '' ? undefined : JSON.parse(outcome.text);
  };
}

interface Scene {
  run: Run;
  target: Target;
  world: World;
  operations: Operation[];
  judge(draft: Draft, reply: Exclude<Outcome, string>): Verdict;
}

/** A body over the limit is refused while it is still being sent: its reply may be lost to the reset. */
const MAY_BE_CUT_BYTES = 60_000;

async function exchange({ run, target, judge }: Scene, connection: Connection, draft: Draft): Promise<Verdict | null> {
  const bytes = bytesOf(draft);
  const where = () =>
    `${run.name(draft.index)} as ${draft.caller.name} [${draft.mutations.join('; ')}]\n  ${reproductionOf(draft)}`;
  if (draft.framing === 'broken') {
    const raw: RawCase = { name: 'a wrong length', parts: [bytes], ending: 'end', answers: [], last: [] };
    const result = await runRaw(target.port, raw, PATIENCE_MS);
    for (const { status } of result.replies) run.count(status);
    if (result.replies.some(({ status }) => status < 300)) run.acknowledged.writes += 1;
    const told = { shapes: [shapeFor(draft), 'v2'] as const, isGate: isGate(draft) };
    for (const what of problemsOfRaw(raw, result, told)) run.found(what, where());
    return null;
  }
  const outcome = await connection.send(bytes, draft.method === 'HEAD');
  if (typeof outcome === 'string') {
    run.count(outcome);
    const isCut = outcome !== 'no answer' && bytes.length > MAY_BE_CUT_BYTES;
    if (!isCut) run.found(outcome, where());
    return null;
  }
  run.count(outcome.status);
  const verdict = judge(draft, outcome);
  for (const what of verdict.problems)
    run.found(what, `${where()}\n  -> ${outcome.status} ${outcome.text.slice(0, 500)}`);
  if (outcome.status < 300) noteSuccess(run, draft, verdict);
  return outcome.status < 300 ? verdict : null;
}

function noteSuccess(run: Run, draft: Draft, { operation, json }: Verdict): void {
  if (operation) run.reached.add(operation);
  if (['GET', 'HEAD', 'OPTIONS'].includes(draft.method)) return;
  run.acknowledged.writes += 1;
  if (draft.headers.some(([name]) => name === 'Idempotency-Key')) run.acknowledged.keyed += 1;
  const { data } = (json ?? {}) as { data?: unknown };
  if (Array.isArray(data)) run.acknowledged.imported += data.length;
}

async function runLane(scene: Scene, first: number, end: number, lane: Lane): Promise<void> {
  const { run, world, operations, target } = scene;
  const connection = new Connection(target.port, PATIENCE_MS);
  for (let index = first; index < end && !run.isOver; index += run.options.lanes) {
    const draft = draftOf(run.options.seed, index, lane, world, operations);
    try {
      const verdict = await exchange(scene, connection, draft);
      if (verdict?.operation) lane.learn(verdict.operation.collection, draft.method === 'POST', verdict.json);
    } catch (error) {
      run.found(
        (error as Error).message,
        `${run.name(index)} ${draft.method} ${targetOf(draft)}\n  ${reproductionOf(draft)}`,
      );
    }
    run.sent += 1;
    if (target.ended() !== null) run.found(`the server ended: ${target.ended()}`, run.name(index));
    if (index % RAW_EVERY === 0) await sendRawCase(scene, index);
  }
  connection.close();
}

async function sendRawCase({ run, target, world }: Scene, index: number): Promise<void> {
  const dice = diceOf(run.options.seed, index, 1);
  const credential = world.callers.find(({ name }) => name === 'full test key')?.credential ?? '';
  const raw = rawCase(index / RAW_EVERY, { dice, id: `raw-${index}`, credential });
  const bytes = Buffer.concat(raw.parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : part)));
  const where = () => `${run.name(index)} raw: ${raw.name}, then ${raw.ending}\n  ${replayLine(bytes)}`;
  run.rawConnections += 1;
  try {
    const result = await runRaw(target.port, raw, PATIENCE_MS);
    for (const { status } of result.replies) if (status === 201) run.acknowledged.writes += 1;
    // Gone before the reply: the work may have been done.
    if (raw.ending === 'reset') run.acknowledged.writes += 1;
    const said = result.replies.map(({ status, text }) => `${status} ${text.slice(0, 200)}`).join('\n     ');
    for (const what of problemsOfRaw(raw, result)) run.found(what, `${where()}\n  -> ${said}`);
  } catch (error) {
    run.found((error as Error).message, where());
  }
}

async function runPart(scene: Scene, first: number, end: number, lanes: Lane[]): Promise<void> {
  await Promise.all(lanes.map((lane, number) => runLane(scene, first + number, end, lane)));
}

const NEVER_MADE = /^(?:smuggled)$/;

async function worldProblems(prepare: Prepare, { world, run }: Scene): Promise<void> {
  for (const { path, before } of world.foreign) {
    const now = JSON.stringify(await prepare({ key: world.observer, path, status: 200 }));
    if (now !== before) run.found(`another workspace's object has changed: ${before} -> ${now}`, path);
  }
  for (const caller of world.callers) {
    if (caller.isDead || caller.name === 'root' || /few calls|small quota/.test(caller.name)) continue;
    await prepare({ key: caller.credential, path: '/v1/auth/verify', status: 200 }).catch((error: Error) =>
      run.found(`the caller "${caller.name}" is not let in any more: ${error.message}`, 'after the run'),
    );
  }
  const admin = world.callers.find(({ name }) => name === 'admin')?.credential ?? null;
  let cursor = '';
  do {
    const page = await prepare({ key: admin, path: `/v1/projects?limit=100${cursor}`, status: 200 });
    for (const { id, name } of page.data as { id: string; name: string }[]) {
      if (NEVER_MADE.test(name)) run.found(`a smuggled request was run: ${id} ${name}`, 'after the run');
    }
    cursor = page.next_cursor ? `&cursor=${page.next_cursor}` : '';
  } while (cursor !== '');
}

const mebibytes = (list: Holdings[], field: 'heapBytes' | 'residentBytes') =>
  list.map((each) => Math.round(each[field] / 1024 / 1024));

/** Closed connections take a moment to be seen. */
async function quietHoldings(target: Target, sockets: number): Promise<Holdings> {
  for (let turn = 0; ; turn += 1) {
    const holdings = await target.holdings();
    if (holdings.sockets <= sockets || turn === 50) return holdings;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function prepareScene(run: Run, target: Target, book: SecretBook, prepare: Prepare): Promise<Scene> {
  book.enter(target.ownerPassword);
  const { id: testKeyId } = await prepare({ key: target.testKey, path: '/v1/auth/verify', status: 200 }).then(
    ({ credential_id }) => ({ id: credential_id as string }),
  );
  const marker = `foreign-${randomBytes(8).toString('hex')}`;
  const world = await createWorld(prepare, { ...target, testKeyId }, book, marker);
  const document = (await prepare({ key: null, path: '/openapi.json', status: 200 })) as OpenApiDocument;
  const operations = operationsOf(document);
  const judge = createOracle({ find: createFinder(operations), world, book });
  return { run, target, world, operations, judge };
}

async function runScene(scene: Scene, prepare: Prepare, start: Holdings): Promise<Holdings[]> {
  const { run, target } = scene;
  const { requests, lanes: count } = run.options;
  const health = watchHealth(target.port);
  const isLong = requests >= LONG_RUN;
  const slow = openSlowClients(target.port, SLOW_CLIENTS, isLong);
  const lanes = Array.from({ length: count }, () => new Lane());
  const middle = Math.ceil(requests / 2 / count) * count;
  const startMs = performance.now();
  await runPart(scene, 0, middle, lanes);
  const half = target.ended() === null ? await target.holdings() : start;
  await runPart(scene, middle, requests, lanes);
  run.sendingSeconds = (performance.now() - startMs) / 1000;
  for (const what of await slow.ended(isLong ? 60_000 : 30_000)) run.found(what, 'after the run');
  if (target.ended() !== null) return [start, half, half];
  if (!run.isOver) await worldProblems(prepare, scene);
  for (const what of await health.stop()) run.found(what, 'during the run');
  run.slowestHealthMs = health.longestMs;
  return [start, half, await quietHoldings(target, start.sockets)];
}

function reportOf(
  scene: Scene,
  log: LogWatch,
  book: SecretBook,
  held: Holdings[],
  tables: Map<string, number>,
): FuzzReport {
  const { run, operations } = scene;
  return {
    seed: run.options.seed,
    requests: run.sent,
    rawConnections: run.rawConnections,
    seconds: Math.round(run.sendingSeconds * 10) / 10,
    requestsPerSecond: Math.round(run.sent / run.sendingSeconds),
    statuses: run.statuses,
    reached: run.reached.size,
    operations: operations.length,
    unreached: operations
      .filter((each) => !run.reached.has(each))
      .map(({ method, template }) => `${method} ${template}`),
    logLines: log.lines,
    secrets: book.size,
    slowestHealthMs: Math.round(run.slowestHealthMs),
    heapMiB: mebibytes(held, 'heapBytes'),
    residentMiB: mebibytes(held, 'residentBytes'),
    tables: Object.fromEntries(tables),
    violations: run.violations,
  };
}

/** Starts a server, sends what the seed says, and tells what should not have been. */
export async function fuzz(options: FuzzOptions): Promise<FuzzReport> {
  const run = new Run(options);
  const book = new SecretBook();
  const log = createLogWatch(book);
  const target = await startTarget(log, run.options.databaseUrl);
  const progress = setInterval(() => options.onProgress?.(run.sent), 5000);
  try {
    const prepare = preparer(target.port);
    const scene = await prepareScene(run, target, book, prepare);
    const start = await target.holdings();
    const startMs = performance.now();
    const held = await runScene(scene, prepare, start);
    run.acknowledged.seconds = (performance.now() - startMs) / 1000;
    const [first = start, half = start, end = start] = held;
    for (const what of holdingProblems({ start: first, half, end })) run.found(what, 'after the run');
    const code = target.ended() === null ? await target.stop() : null;
    if (code !== 0) run.found(`the server ended: ${target.ended()}`, 'at its stop');
    if (target.stdout().split('\n').length !== 2) run.found('stdout has more than the one line', target.stdout());
    for (const what of log.problems) run.found(what, 'in the log');
    const tables = await tableSizes(target.dataDir, run.options.databaseUrl);
    for (const what of tableProblems(tables, run.acknowledged)) run.found(what, 'in the database');
    return reportOf(scene, log, book, held, tables);
  } finally {
    clearInterval(progress);
    if (target.ended() === null) await target.stop();
    target.removeData();
  }
}
