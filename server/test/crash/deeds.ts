import type { Answer, Ending } from './api.ts';
import type { Lane } from './lane.ts';
import {
  type AuditEvent,
  type Deed,
  isUnanswered,
  type Model,
  type NewDeed,
  outcomeOfEvents,
  outcomeOfReply,
} from './model.ts';

const release = (deed: Deed) => {
  for (const subject of deed.subjects) subject.isBusy = false;
};

function begin(lane: Lane, wanted: NewDeed): Deed {
  const deed: Deed = {
    ...wanted,
    requestIds: [],
    state: 'unanswered',
    isOpen: wanted.call.idempotencyKey !== undefined,
    sentAtMs: Date.now(),
    ids: [],
    secret: null,
  };
  for (const subject of deed.subjects) subject.isBusy = true;
  lane.model.deeds.push(deed);
  return deed;
}

function sendDeed(lane: Lane, deed: Deed): Promise<Ending> {
  const requestId = lane.newName();
  deed.requestIds.push(requestId);
  return lane.api.send({ ...deed.call, requestId });
}

const told = ({ status, json }: Answer) => `${status} ${JSON.stringify(json) ?? ''}`.slice(0, 300);

/** What a reply shows once: the text of a key, or the secret of an application. */
const secretIn = ({ json }: Answer): string | null => json?.key ?? json?.client_secret ?? null;

function acknowledge(deed: Deed, answer: Answer): void {
  const outcome = outcomeOfReply(answer);
  deed.state = 'acknowledged';
  deed.isOpen = false;
  deed.ids = outcome.ids;
  deed.secret = secretIn(answer);
  deed.promise(outcome);
  release(deed);
}

const isSuccess = ({ expected, otherwise = [] }: Deed, { status }: Answer) =>
  status === expected || otherwise.some((other) => other.status === status);

/** Asks for a change once. Its subjects stay busy while it is not known whether it happened. */
export async function perform(lane: Lane, wanted: NewDeed): Promise<Deed> {
  const deed = begin(lane, wanted);
  const ending = await sendDeed(lane, deed);
  if (isUnanswered(ending)) return deed;
  if (isSuccess(deed, ending)) acknowledge(deed, ending);
  else {
    const isExpected = deed.mayConflict === true && ending.status === 409;
    if (!isExpected) lane.model.violations.push(`${nameOf(deed)} was answered ${told(ending)}`);
    deed.state = 'did not happen';
    deed.isOpen = false;
    release(deed);
  }
  return deed;
}

/** Asks for a change twice at once with one Idempotency-Key: both answers must be the same one. */
export async function performTwins(lane: Lane, wanted: NewDeed): Promise<void> {
  const deed = begin(lane, wanted);
  const endings = await Promise.all([sendDeed(lane, deed), sendDeed(lane, deed)]);
  const answers = endings.filter((ending) => !isUnanswered(ending)) as Answer[];
  for (const answer of answers) {
    if (answer.status !== deed.expected) {
      lane.model.violations.push(`a twin of ${nameOf(deed)} was answered ${told(answer)}`);
    } else if (deed.state === 'acknowledged') compareReplay(lane.model, deed, answer);
    else acknowledge(deed, answer);
  }
}

/** Sends a change again with its Idempotency-Key: the same answer, and nothing happens twice. */
export async function repeat(lane: Lane, deed: Deed): Promise<void> {
  const ending = await sendDeed(lane, deed);
  if (isUnanswered(ending)) return;
  if (ending.status !== deed.expected) {
    lane.model.violations.push(`the repetition of ${nameOf(deed)} (${deed.state}) was answered ${told(ending)}`);
    deed.isOpen = false;
    release(deed);
    return;
  }
  if (deed.state === 'unanswered') return acknowledge(deed, ending);
  deed.isOpen = false;
  if (!ending.isReplay)
    lane.model.violations.push(`${nameOf(deed)} was done already, and its repetition was no replay`);
  compareReplay(lane.model, deed, ending);
}

function compareReplay(model: Model, deed: Deed, answer: Answer): void {
  const { ids } = outcomeOfReply(answer);
  if (deed.expected !== 204 && ids.join() !== deed.ids.join()) {
    model.violations.push(`${nameOf(deed)} was done as ${deed.ids.join()}, and repeated as ${ids.join()}`);
  }
  const secret = secretIn(answer);
  if (deed.secret !== null && secret !== deed.secret) {
    model.violations.push(`the repetition of ${nameOf(deed)} showed another secret`);
  }
  if (deed.secret !== null || secret === null) return;
  deed.secret = secret;
  deed.learn?.(secret);
}

export const nameOf = ({ operation, call, requestIds }: Deed) =>
  `"${operation}" (${call.method} ${call.path}, ${requestIds.join(', ')})`;

/**
 * What the audit log says of a deed. An acknowledged one must be there, whole; an unanswered one whole or not at all,
 * and from then on the model goes by that.
 */
export function settle(model: Model, deed: Deed, events: readonly AuditEvent[]): void {
  const found = events.map(({ action }) => action).sort();
  const isWhole = [deed, ...(deed.otherwise ?? [])].some(({ actions }) => found.join() === [...actions].sort().join());
  const say = (problem: string) => void model.violations.push(`${nameOf(deed)}, ${deed.state}, ${problem}`);
  if (deed.state === 'did not happen') {
    if (found.length > 0) say(`left audit events all the same: ${found.join()}`);
    return;
  }
  if (found.length > 0 && !isWhole) {
    say(`left ${found.join()} in the audit log instead of ${deed.actions.join()}`);
    return;
  }
  if (deed.state !== 'unanswered') {
    if (!isWhole) say(`left no audit event: it was lost`);
    else deed.recorded?.(events);
    return;
  }
  if (isWhole) {
    const outcome = outcomeOfEvents(events);
    deed.state = 'happened';
    deed.ids = outcome.ids;
    deed.promise(outcome);
    deed.recorded?.(events);
    release(deed);
  } else if (!deed.isOpen) {
    deed.state = 'did not happen';
    release(deed);
  }
}
