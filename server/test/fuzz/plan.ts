import { mutatedBody } from './body-mutations.ts';
import type { Caller, World } from './callers.ts';
import { type Dice, diceOf } from './dice.ts';
import type { Draft } from './draft.ts';
import { fittingValue, type Source } from './fitting-values.ts';
import type { Lane } from './lane.ts';
import type { Cast } from './oauth/cast.ts';
import { oauthDraft } from './oauth/plan.ts';
import type { Operation, Parameter } from './operations.ts';
import { pageDraft } from './page-plan.ts';
import type { Pages } from './pages.ts';
import { mutate } from './request-mutations.ts';

const READS = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE']);

/** Correct requests go deep, spoiled ones broad: three in ten have nothing wrong with them. */
function mutationCount(dice: Dice): number {
  const throwing = dice.next();
  if (throwing < 0.3) return 0;
  if (throwing < 0.75) return 1;
  return throwing < 0.92 ? 2 : 4;
}

function pickCaller(dice: Dice, lane: Lane, world: World, entitled: readonly Caller[]): Caller {
  if (entitled.length > 0 && dice.chance(0.6)) return dice.pick(entitled);
  const minted = dice.chance(0.25) ? lane.mintedCaller(dice) : null;
  return minted ?? dice.pick(world.callers);
}

/** Large documents and health checks are asked for now and then only. */
function pickOperation(dice: Dice, operations: readonly Operation[]): Operation {
  const picked = dice.pick(operations);
  return picked.tag === 'meta' && dice.chance(0.8) ? dice.pick(operations) : picked;
}

function pathValue({ name, schema }: Parameter, operation: Operation, source: Source): string {
  const { dice, lane, world } = source;
  const made = lane.made(operation.collection);
  if (made.length > 0 && dice.chance(0.75)) return dice.pick(made);
  const known = [...world.pinned.keys(), ...lane.idsLike(/./)];
  const fitting = known.filter((id) => schema.pattern === undefined || new RegExp(schema.pattern, 'u').test(id));
  if (fitting.length > 0 && dice.chance(0.7)) return dice.pick(fitting);
  return String(fittingValue(name, schema, source));
}

function pathOf(operation: Operation, source: Source): string {
  const byName = new Map(operation.parameters.filter((each) => each.in === 'path').map((each) => [each.name, each]));
  return operation.template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const parameter = byName.get(name) ?? { name, in: 'path', schema: {} };
    return encodeURIComponent(pathValue(parameter, operation, source));
  });
}

function queryOf(operation: Operation, source: Source): string[] {
  const { dice, lane } = source;
  return operation.parameters
    .filter((each) => each.in === 'query' && (each.required || dice.chance(0.2)))
    .filter(({ name }) => name !== 'cursor' || lane.cursors.length > 0)
    .map(({ name, schema }) => `${name}=${encodeURIComponent(String(fittingValue(name, schema, source)))}`);
}

function headersOf(caller: Caller, isWrite: boolean, dice: Dice, index: number): Draft['headers'] {
  const headers: Draft['headers'] = [];
  if (caller.credential !== null) {
    headers.push(
      dice.chance(0.8) ? ['Authorization', `Bearer ${caller.credential}`] : ['X-API-Key', caller.credential],
    );
  }
  if (caller.cookie !== undefined) {
    headers.push(['Cookie', caller.cookie]);
    if (isWrite && dice.chance(0.85)) headers.push(['Sec-Fetch-Site', dice.chance(0.9) ? 'same-origin' : 'cross-site']);
  }
  if (dice.chance(0.3)) {
    headers.push(['X-Forwarded-For', `10.${dice.below(250)}.${dice.below(250)}.${dice.below(250)}`]);
  }
  if (dice.chance(0.3)) headers.push(['X-Request-ID', `fuzz-${index}`]);
  if (dice.chance(0.1)) headers.push(['X-API-Version', dice.pick(['1.0', '2.0'])]);
  if (dice.chance(0.1)) headers.push(['Accept', 'application/problem+json']);
  // Few different ones, so that calls are repeated and meet other calls under the same key.
  if (isWrite && dice.chance(0.25)) headers.push(['Idempotency-Key', `again-${dice.below(200)}`]);
  return headers;
}

function decoded(path: string): string {
  try {
    return decodeURIComponent(decodeURIComponent(path));
  } catch {
    return path;
  }
}

/** What ends the session, login or role that a person shows: signing in does, as a browser has one session. */
const ENDS_SESSION = /sign-(?:out|in|up)|end-others|log(?:out|in)|transfer/i;

/** Whose session or login the request shows, whoever else it names. */
function shownBy({ headers }: Draft, { callers }: World): Caller | undefined {
  const shows = (text: string | null | undefined) => text != null && headers.some(([, value]) => value.includes(text));
  return callers.find(({ isPerson, cookie, credential }) => isPerson === true && (shows(cookie) || shows(credential)));
}

function endsLogins({ caller, body }: Draft, shown: Caller | undefined, path: string): boolean {
  if ((caller.isPerson || shown) && ENDS_SESSION.test(path)) return true;
  // An emergency ends every access token that there is; operators may call it, as root may.
  return /signing-keys\/rotate/i.test(path) && body?.includes('emergency') === true;
}

/** Whether the operator names one of the callers in a body: in another workspace, they would see what strangers must not. */
function movesCaller({ caller, body }: Draft, pinned: World['pinned']): boolean {
  if (caller.name !== 'root' || !body?.includes('usr_')) return false;
  return [...pinned.keys()].some((id) => id.startsWith('usr_') && body.includes(id));
}

/** Whether the caller may do it, and nobody could call any more afterwards. */
function isSelfHarm(draft: Draft, world: World): boolean {
  const { caller, method, path } = draft;
  const { pinned } = world;
  const shown = shownBy(draft, world);
  if (READS.has(method) || (caller.isDead && !shown)) return false;
  const text = decoded(path);
  if (endsLogins(draft, shown, text) || movesCaller(draft, pinned)) return true;
  return text.split(/[/\\?]/).some((part) => {
    const owner = pinned.get(part);
    if (owner === undefined) return false;
    // Scopes and plans are the operator's: theirs, and of owners of the first workspace, who are people.
    const isPerson = caller.isPerson === true || shown !== undefined;
    if (owner === null && isPerson) return true;
    return caller.name === 'root' || owner === caller.workspaceId || owner === shown?.workspaceId;
  });
}

function newDraft(index: number, operation: Operation, caller: Caller, source: Source): Draft {
  const { dice } = source;
  const isWrite = !READS.has(operation.method);
  return {
    index,
    caller,
    operation,
    method: operation.method,
    path: pathOf(operation, source),
    query: queryOf(operation, source),
    headers: headersOf(caller, isWrite, dice, index),
    body: null,
    framing: 'whole',
    saidLength: '',
    mutations: [],
  };
}

/** What all requests of a run are made from. */
export interface Scenery {
  seed: number;
  world: World;
  operations: readonly Operation[];
  /** Which callers get past the door of which operation. */
  entitled: ReadonlyMap<Operation, Caller[]>;
  pages: Pages;
  cast: Cast;
}

/** So many of a hundred requests are for pages. */
const PAGES_PERCENT = 6;
/** And so many for OAuth's endpoints, by clients that know how to ask. */
const OAUTH_PERCENT = 14;

function planPage(source: Source, index: number, pages: Pages): Draft {
  const { dice, world } = source;
  const browsers = world.callers.filter(({ cookie }) => cookie !== undefined);
  const caller = dice.pick(dice.chance(0.9) ? browsers : world.callers);
  const draft = pageDraft(index, pages, caller, { ...source, workspaceId: caller.workspaceId });
  for (let left = Math.max(0, mutationCount(dice) - 1); left > 0; left -= 1) mutate(draft, source);
  if (draft.framing === 'broken' && draft.method === 'HEAD') draft.method = 'GET';
  return draft;
}

/** The request of this number. What it is made of hangs on seed, number, and what its lane has learned before. */
export function draftOf({ seed, world, operations, entitled, pages, cast }: Scenery, index: number, lane: Lane): Draft {
  const dice = diceOf(seed, index);
  const lot = dice.below(100);
  if (lot < PAGES_PERCENT) return planPage({ dice, lane, world, workspaceId: null }, index, pages);
  if (lot < PAGES_PERCENT + OAUTH_PERCENT) {
    return oauthDraft(index, cast, { dice, lane, world, workspaceId: world.ownWorkspace });
  }
  const operation = pickOperation(dice, operations);
  const caller = pickCaller(dice, lane, world, entitled.get(operation) ?? []);
  const source: Source = { dice, lane, world, workspaceId: caller.workspaceId };
  const draft = newDraft(index, operation, caller, source);
  const count = mutationCount(dice);
  const ofBody =
    operation.body === null ? 0 : Array.from({ length: count }, () => dice.chance(0.6)).filter(Boolean).length;
  if (operation.body !== null) {
    const value = fittingValue('', operation.body, source);
    const { bytes, encoding } = mutatedBody(value, ofBody, dice, draft.mutations);
    draft.body = bytes;
    draft.headers.push(['Content-Type', 'application/json']);
    if (encoding !== undefined) draft.headers.push(['Content-Encoding', encoding]);
  }
  for (let left = count - ofBody; left > 0; left -= 1) mutate(draft, source);
  // Where the reply ends could not be told.
  if (draft.framing === 'broken' && draft.method === 'HEAD') draft.method = 'GET';
  if (isSelfHarm(draft, world)) {
    draft.method = 'GET';
    draft.mutations.push('spared');
  }
  return draft;
}
