import { randomBytes } from 'node:crypto';
import { quietHoldings, worldProblems } from './aftermath.ts';
import { type Caller, createWorld, type World } from './callers.ts';
import { entitledCallers } from './entitled.ts';
import { holdingProblems, storedBy, tableProblems } from './growth.ts';
import { watchHealth } from './health.ts';
import { Lane } from './lane.ts';
import { createLogWatch, type LogWatch } from './log-watch.ts';
import { createCast } from './oauth/cast.ts';
import { isOauthPage } from './oauth/oracle.ts';
import { createFinder, type OpenApiDocument, operationsOf } from './operations.ts';
import { createOracle } from './oracle.ts';
import { discoverPages, type Pages, pageFinder, withFormToken } from './pages.ts';
import { preparer, signerIn } from './prepare.ts';
import type { Holdings } from './probe.ts';
import { type FuzzOptions, type FuzzReport, Run, type Scene } from './run.ts';
import { SecretBook } from './secrets.ts';
import { runPart } from './sending.ts';
import { openSlowClients } from './slow.ts';
import { PATIENCE_MS, startTarget, type Target } from './target.ts';
import { Connection } from './wire.ts';

const SLOW_CLIENTS = 8;
const RENEW_EACH_MS = 300_000;
/** From so many requests on, slow bodies are waited for too. */
const LONG_RUN = 20_000;

const mebibytes = (list: Holdings[], field: 'heapBytes' | 'residentBytes') =>
  list.map((each) => Math.round(each[field] / 1024 / 1024));

const VISITOR: Caller = { name: 'visitor', credential: null, workspaceId: null, readsOnly: true, isDead: true };

/** Gives everybody with a browser the token of their forms, and looks at all that they are shown. */
async function visitPages(connection: Connection, world: World): Promise<Pages> {
  world.callers.push(VISITOR);
  for (const [index, caller] of world.callers.entries()) {
    const hasBrowser = caller === VISITOR || (caller.cookie !== undefined && !caller.isDead);
    if (hasBrowser) world.callers[index] = await withFormToken(connection, caller);
  }
  return discoverPages(
    connection,
    world.callers.filter(({ name }) => ['visitor', 'owner cookie', 'viewer cookie'].includes(name)),
  );
}

async function prepareScene(run: Run, target: Target, book: SecretBook): Promise<Scene> {
  const connection = new Connection(target.port, PATIENCE_MS);
  const prepare = preparer(connection);
  book.enter(target.owner.password);
  const { id: testKeyId } = await prepare({ key: target.testKey, path: '/v1/auth/verify', status: 200 }).then(
    ({ credential_id }) => ({ id: credential_id as string }),
  );
  const marker = `foreign-${randomBytes(8).toString('hex')}`;
  const signIn = signerIn(connection);
  const found = await createWorld(prepare, { ...target, testKeyId }, signIn, book, marker);
  const cast = await createCast({ prepare, signIn, book, ...target });
  const pinned = new Map([...found.pinned, ...cast.ids.map((id) => [id, target.workspaceId] as const)]);
  const world: World = { ...found, pinned };
  const pages = await visitPages(connection, world);
  const document = (await prepare({ key: null, path: '/openapi.json', status: 200 })) as OpenApiDocument;
  const operations = operationsOf(document);
  const isFound = pageFinder(pages);
  const isPage = (path: string) => isFound(path) || isOauthPage(path);
  const judge = createOracle({ find: createFinder(operations), isPage, world, book });
  const entitled = await entitledCallers(connection, operations, world.callers);
  const renew = () => world.renew().finally(() => connection.close());
  connection.close();
  const scenery = { seed: run.options.seed, world, operations, entitled, pages, cast };
  return { run, target, scenery, judge, isPage, renew };
}

/** At half-time; a server that does not answer any more ends the run. */
function heldBy({ run, target }: Scene, otherwise: Holdings): Promise<Holdings> {
  return target.holdings().catch((error: Error) => {
    run.breakOff(error.message, 'at half-time');
    return otherwise;
  });
}

function keepSignedIn({ run, renew }: Scene): NodeJS.Timeout {
  const again = () => renew().catch((error: Error) => run.found(error.message, 'when people signed in anew'));
  return setInterval(again, RENEW_EACH_MS);
}

async function runScene(scene: Scene, start: Holdings): Promise<Holdings[]> {
  const { run, target } = scene;
  const { requests, lanes: count } = run.options;
  const health = watchHealth(target.port);
  const isLong = requests >= LONG_RUN;
  const slow = openSlowClients(target.port, SLOW_CLIENTS, isLong);
  const lanes = Array.from({ length: count }, () => new Lane());
  const middle = Math.ceil(requests / 2 / count) * count;
  const startMs = performance.now();
  const renewing = keepSignedIn(scene);
  await runPart(scene, 0, middle, lanes);
  const half = await heldBy(scene, start);
  await runPart(scene, middle, requests, lanes);
  clearInterval(renewing);
  run.sendingSeconds = (performance.now() - startMs) / 1000;
  for (const what of await slow.ended(run.isBroken ? 0 : isLong ? 60_000 : 30_000)) run.found(what, 'after the run');
  for (const what of await health.stop()) run.found(what, 'during the run');
  run.slowestHealthMs = health.longestMs;
  if (run.isBroken) return [start, half, half];
  // People make workspaces, and ask for second factors there: that ends what they hold, and they sign in again.
  await scene.renew().catch((error: Error) => run.found(error.message, 'after the run'));
  // The connection of the preparation may be as old as the server lets one be idle.
  const connection = new Connection(target.port, PATIENCE_MS);
  await worldProblems(preparer(connection), scene).catch((error: Error) => run.found(error.message, 'after the run'));
  connection.close();
  return [start, half, await quietHoldings(target, start.sockets)];
}

function reportOf(
  scene: Scene,
  log: LogWatch,
  book: SecretBook,
  held: Holdings[],
  tables: Map<string, number>,
): FuzzReport {
  const { run } = scene;
  const { operations } = scene.scenery;
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
    oauth: run.oauth,
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
    const scene = await prepareScene(run, target, book);
    const start = await target.holdings();
    const held = await runScene(scene, start);
    const [first = start, half = start, end = start] = held;
    for (const what of holdingProblems({ start: first, half, end })) run.found(what, 'after the run');
    const code = target.ended() === null ? await target.stop() : null;
    if (code !== 0) run.found(`the server ended: ${target.ended()}`, 'at its stop');
    if (target.stdout().split('\n').length !== 2) run.found('stdout has more than the one line', target.stdout());
    for (const what of log.problems) run.found(what, 'in the log');
    const { tables, problems } = await storedBy(target.dataDir, run.options.databaseUrl);
    for (const what of [...problems, ...tableProblems(tables, run.acknowledged)]) run.found(what, 'in the database');
    return reportOf(scene, log, book, held, tables);
  } finally {
    clearInterval(progress);
    if (target.ended() === null) await target.stop();
    target.removeData();
  }
}
