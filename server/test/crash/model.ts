import type { Answer, Call, Ending } from './api.ts';
import type { OAuthModel } from './oauth-model.ts';
import type { Person, SigningModel, SpentLink } from './people-model.ts';

/** What an operation may be about; while an unanswered deed may have changed it, nobody else touches it. */
export interface Subject {
  isBusy: boolean;
}

export interface Workspace extends Subject {
  id: string;
  isSuspended: boolean;
}

/** A quota as its callers know it. */
export interface Quota {
  limit: number;
  /** Units that were acknowledged. */
  served: number;
  /** Units of calls without an answer: served or not. */
  maybe: number;
  /** The most that one crash may cost: what a process takes at once for callers that wait, and a part beyond. */
  block: number;
  /** Units that the crashes so far may have cost. */
  mayBeLost: number;
}

export interface Key extends Subject {
  id: string;
  /** Null when the reply that showed it was lost. */
  text: string | null;
  workspace: Workspace;
  name: string;
  scopes: string[];
  metadata: Record<string, string>;
  state: 'active' | 'disabled' | 'revoked' | 'deleted';
  predecessor: Key | null;
  successorId: string | null;
  quota: Quota | null;
  /** SHA-256 in hex of an imported key: as long as the key is there, importing it again must be refused. */
  importedHash: string | null;
  /** Changed since the last check. */
  isTouched: boolean;
}

/** One row of the audit log. */
export interface AuditEvent {
  seq: number;
  action: string;
  targetId: string | null;
  requestId: string | null;
  data: Record<string, unknown>;
}

/** What a deed brought about, from its reply or from its events. */
export interface Outcome {
  /** Ids of what it made, or of what it changed. */
  ids: string[];
  // biome-ignore lint/suspicious/noExplicitAny: replies are looked into freely in tests
  reply: any;
  /** The text of the session that the reply set a cookie for. */
  cookie: string | null;
  /** Where the reply sent a browser. */
  location: string | null;
  /** What the audit log says of it; empty while only the reply is known. */
  events: readonly AuditEvent[];
}

export interface NewDeed {
  operation: string;
  call: Omit<Call, 'requestId'>;
  /** The status that acknowledges it. */
  expected: number;
  /** The audit events that it leaves: all of them, or none. */
  actions: string[];
  /** Other ways in which it may succeed. */
  otherwise?: { status: number; actions: string[] }[];
  /** Something else of this moment may stand against it: 409 is no surprise, and then nothing happened. */
  mayConflict?: boolean;
  subjects: Subject[];
  /** Notes in the model what is promised now. */
  promise(outcome: Outcome): void;
  /** Hears of the secret that a repetition showed, when the first reply was lost. */
  learn?(secret: string): void;
  /** Hears what the audit log says of it, which may be more than the reply said. Safe to repeat. */
  recorded?(events: readonly AuditEvent[]): void;
}

/** One change that was asked for: it happened as a whole, or not at all. */
export interface Deed extends NewDeed {
  /** Of the call and of each repetition of it. */
  requestIds: string[];
  state: 'acknowledged' | 'unanswered' | 'happened' | 'did not happen';
  /** Not answered yet, and to be sent again with its Idempotency-Key. */
  isOpen: boolean;
  sentAtMs: number;
  ids: string[];
  /** The text of a secret, to compare with the one that a repetition shows. */
  secret: string | null;
}

/** One of several callers at once: it owns a workspace, and nobody else changes what is in there. */
export interface LaneModel {
  name: string;
  home: Workspace;
  /** A workspace that is suspended and resumed, with some keys in it. */
  side: Workspace;
  /** A key that may do everything in `home`. */
  manager: string;
  keys: Key[];
  people: Person[];
  /** Links of mails that were followed: each of them is refused from then on. */
  spentLinks: SpentLink[];
  oauth: OAuthModel;
}

/** Everything that one installation promised so far. */
export interface Model {
  rootKey: string;
  lanes: LaneModel[];
  /** Keys with quotas that every lane spends from. */
  quotaKeys: Key[];
  signing: SigningModel;
  deeds: Deed[];
  /** Heads of the audit log that the server told of. */
  heads: Map<number, string>;
  /** Broken promises, in words. */
  violations: string[];
}

export const emptyModel = (): Model => ({
  rootKey: '',
  lanes: [],
  quotaKeys: [],
  signing: { isBusy: false, revoked: new Set(), isUnsure: false, version: 0 },
  deeds: [],
  heads: new Map(),
  violations: [],
});

const MAX_BLOCK = 1000;
const BLOCKS_LEFT = 50;

/** `waiting`: the most that its callers ask for at one time. */
export const newQuota = (limit: number, waiting: number): Quota => ({
  limit,
  served: 0,
  maybe: 0,
  block: Math.min(limit, MAX_BLOCK, waiting + Math.floor(limit / BLOCKS_LEFT)),
  mayBeLost: 0,
});

export const quotasOf = (model: Model): Set<Quota> =>
  new Set(allKeys(model).flatMap(({ quota }) => (quota === null ? [] : [quota])));

export const allKeys = (model: Model): Key[] => [...model.quotaKeys, ...model.lanes.flatMap(({ keys }) => keys)];

export const isAlive = ({ state, workspace }: Key): boolean => state === 'active' && !workspace.isSuspended;

/** What `POST /v1/api-keys/verify` must say of it. */
export function codeOf(key: Key): string {
  if (key.state === 'deleted') return 'not_found';
  if (key.state === 'revoked') return 'revoked';
  return isAlive(key) ? 'valid' : 'disabled';
}

/** A server that cannot know what became of a change says 503. */
export const isUnanswered = (ending: Ending): ending is null | (Answer & { status: 503 }) =>
  ending === null || ending.status === 503;

export const outcomeOfReply = ({ json: reply, cookie, location }: Answer): Outcome => ({
  ids: Array.isArray(reply?.data) ? reply.data.map(({ id }: { id: string }) => id) : [String(reply?.id ?? '')],
  reply,
  cookie,
  location,
  events: [],
});

/** A rotation may tell of an older key that it ended beside the one that it made. */
export function outcomeOfEvents(events: readonly AuditEvent[]): Outcome {
  const successors = events.flatMap(({ data }) => (data.successor_id === undefined ? [] : [String(data.successor_id)]));
  const targets = [...new Set(events.map(({ targetId }) => String(targetId)))];
  return { ids: successors.length > 0 ? successors : targets, reply: null, cookie: null, location: null, events };
}
