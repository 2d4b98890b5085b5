import { diceOf } from './dice.ts';
import { bytesOf, type Draft, headerOf, targetOf } from './draft.ts';
import type { Lane } from './lane.ts';
import { isOauthPage } from './oauth/oracle.ts';
import { isGate, pathOf, shapeFor, type Verdict } from './oracle.ts';
import { mayBePage } from './page-oracle.ts';
import { draftOf } from './plan.ts';
import { type RawCase, rawCase } from './raw-cases.ts';
import { problemsOfRaw, runRaw } from './raw-run.ts';
import { replayLine, reproductionOf } from './reproduction.ts';
import type { Run, Scene } from './run.ts';
import { PATIENCE_MS } from './target.ts';
import { Connection, type WireReply } from './wire.ts';

/** One raw connection for so many requests. */
const RAW_EVERY = 10;
/** A body over the limit is refused while it is still being sent: its reply may be lost to the reset. */
const MAY_BE_CUT_BYTES = 60_000;

/** What is recorded when it fails: who guesses at an account leaves a trace there. */
const GUESSES = /sign-in|login|proof|password/i;

async function exchange(
  { run, target, judge, isPage }: Scene,
  connection: Connection,
  draft: Draft,
): Promise<Verdict | null> {
  const bytes = bytesOf(draft);
  const where = () =>
    `${run.name(draft.index)} as ${draft.caller.name} [${draft.mutations.join('; ')}]\n  ${reproductionOf(draft)}`;
  if (draft.framing === 'broken') {
    const raw: RawCase = { name: 'a wrong length', parts: [bytes], ending: 'end', answers: [], last: [] };
    const result = await runRaw(target.port, raw, PATIENCE_MS);
    for (const { status } of result.replies) run.count(status);
    if (result.replies.some(({ status }) => status < 300)) noteWrite(run, draft);
    const path = pathOf(targetOf(draft));
    const isPageToo = mayBePage(draft, path, { isPagePath: isPage(path), status: 400 });
    const told = { shapes: [shapeFor(draft), 'v2'] as const, isGate: isGate(draft), mayBePage: isPageToo };
    for (const what of problemsOfRaw(raw, result, told)) run.found(what, where());
    return null;
  }
  const outcome = await connection.send(bytes, draft.method === 'HEAD');
  if (typeof outcome === 'string') {
    run.count(outcome);
    const isCut = outcome !== 'no answer' && bytes.length > MAY_BE_CUT_BYTES;
    if (outcome === 'no answer') run.breakOff(outcome, where());
    else if (!isCut) run.found(outcome, where());
    return null;
  }
  run.count(outcome.status);
  draft.heard?.(outcome);
  noteOauth(run, draft, outcome);
  if (isOauthPage(pathOf(targetOf(draft))) && outcome.status <= 403) noteWrite(run, draft);
  if (draft.body?.includes('assertion')) run.acknowledged.assertions += 1;
  if (draft.method === 'POST' && GUESSES.test(draft.path)) run.acknowledged.guesses += 1;
  const verdict = judge(draft, outcome);
  for (const what of verdict.problems)
    run.found(what, `${where()}\n  -> ${outcome.status} ${outcome.text.slice(0, 500)}`);
  if (outcome.status < 300) noteSuccess(run, draft, outcome, verdict);
  return outcome.status < 300 ? verdict : null;
}

function noteWrite({ acknowledged }: Run, draft: Draft): void {
  acknowledged.writes += 1;
  if (headerOf(draft, 'idempotency-key') !== undefined) acknowledged.keyed += 1;
}

/** A sign-in page is no success: there, an authorization request has only begun. */
function noteOauth({ oauth }: Run, { kind }: Draft, { status, headers }: WireReply): void {
  const isDone = status < 300 || /[?&]code=/.test(headers.get('location') ?? '');
  if (kind !== undefined && isDone) oauth[kind] = (oauth[kind] ?? 0) + 1;
}

function noteSuccess(run: Run, draft: Draft, { headers }: WireReply, { operation, json }: Verdict): void {
  if (operation) run.reached.add(operation);
  if (['GET', 'HEAD', 'OPTIONS'].includes(draft.method) || headers.has('idempotency-replayed')) return;
  noteWrite(run, draft);
  const { data } = (json ?? {}) as { data?: unknown };
  if (Array.isArray(data)) run.acknowledged.imported += data.length;
}

async function runLane(scene: Scene, first: number, end: number, lane: Lane): Promise<void> {
  const { run, target } = scene;
  const connection = new Connection(target.port, PATIENCE_MS);
  for (let index = first; index < end && !run.isOver; index += run.options.lanes) {
    const draft = draftOf(scene.scenery, index, lane);
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
    if (target.ended() !== null) run.breakOff(`the server ended: ${target.ended()}`, run.name(index));
    if (index % RAW_EVERY === 0) await sendRawCase(scene, index);
  }
  connection.close();
}

async function sendRawCase({ run, target, scenery: { world } }: Scene, index: number): Promise<void> {
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

/** Sends the requests of these numbers, as many at a time as there are lanes. */
export async function runPart(scene: Scene, first: number, end: number, lanes: Lane[]): Promise<void> {
  await Promise.all(lanes.map((lane, number) => runLane(scene, first + number, end, lane)));
}
