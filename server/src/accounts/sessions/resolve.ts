import type { ScopeCatalogue } from '@latchkey/protocol';
import type { Clock } from '../../clock.ts';
import { sha256Hex } from '../../crypto/index.ts';
import type { Database } from '../../database/index.ts';
import type { Principal } from '../../http/index.ts';
import { type BucketSeat, type Limits, NO_SEAT, type PlanTable, planNamed } from '../../limits/index.ts';
import { type Changes, createRecordCache } from '../../shared-state/index.ts';
import { ROLE_SCOPES } from '../members/roles.ts';
import { acrOf } from '../sign-in/acr.ts';
import { amrOf } from '../sign-in/amr.ts';
import { type ProofMethod, provesSecondFactor } from '../sign-in/proof.ts';
import { SESSION_IDLE_MS } from './session.ts';
import { markSeen, type SessionFacts, sessionByHash } from './store.ts';

/** What the door needs of a session, kept in memory; never its text. When it was seen last changes as it is used. */
export interface SessionRecord extends BucketSeat {
  readonly id: string;
  readonly userId: string;
  /** When the person proved who they are, and by what. */
  readonly signedInAtMs: number;
  readonly methods: readonly ProofMethod[];
  readonly principal: Principal;
  readonly expiresAtMs: number;
  readonly limits: Limits;
  readonly limitBucket: string;
  readonly quota: null;
  readonly quotaBucket: string;
  readonly isWorkspaceSuspended: boolean;
  /** Why the person cannot act in the session's workspace; null when they can. */
  readonly blockedBy: 'no_workspace' | 'second_factor' | 'second_factor_proof' | null;
  seenAtMs: number;
}

/** From a cookie's text to who is signed in. */
export interface SessionResolver {
  /** The record, if it is in memory and the session lives: no await, no database. */
  peek(text: string): SessionRecord | undefined;
  /** The record from memory or by one read; null when there is no such session, or it has ended. */
  find(text: string): Promise<SessionRecord | null>;
  /** Notes that a session was used. Written down in batches, at most once a minute for each. */
  touch(record: SessionRecord, address: string): void;
  /** Notes that a session's tokens were refreshed. */
  noteRefreshed(id: string, address: string): void;
  flush(): Promise<void>;
  /** Forgets all records: what they were made with (scopes, plans) has changed. */
  forget(): void;
}

export interface SessionResolverOptions {
  database: Database;
  changes: Changes;
  clock: Clock;
  catalogue: ScopeCatalogue;
  plans(): PlanTable;
  issuer(): string;
  /** The workspace whose owners act for the operator. */
  firstWorkspaceId(): Promise<string | null>;
}

const MAX_RECORDS = 100_000;
const SEEN_EACH_MS = 60_000;
/** What a session's text looks like: anything else is not looked up. */
const TEXT = /^[\w-]{43}$/;

interface Standing {
  isBlocked: boolean;
  isInFirst: boolean;
}

const methodsOf = ({ methods }: SessionFacts) => JSON.parse(methods) as ProofMethod[];

/** A session that took another's place when the password changed is no newer than the proof that it stands on. */
const signedInAtMs = ({ created_at, proved_at }: SessionFacts) => Math.min(created_at, proved_at);

function principalOf(
  facts: SessionFacts,
  { isBlocked, isInFirst }: Standing,
  options: SessionResolverOptions,
): Principal {
  const grantedScopes = facts.role === null || isBlocked ? [] : ROLE_SCOPES[facts.role];
  return {
    kind: 'session',
    method: 'session',
    credentialId: facts.id,
    workspaceId: facts.role === null ? null : facts.workspace_id,
    environment: facts.environment,
    userId: facts.user_id,
    role: facts.role,
    subject: facts.user_id,
    subjectIssuer: options.issuer(),
    clientId: null,
    audience: null,
    grantedScopes,
    scopes: options.catalogue.expand(grantedScopes),
    expiresAtMs: facts.expires_at,
    signIn: { atMs: signedInAtMs(facts), acr: acrOf(amrOf(methodsOf(facts))) },
    isOperator: isInFirst && !isBlocked && facts.role === 'owner',
    allWorkspaces: false,
  };
}

function blockedBy(facts: SessionFacts): SessionRecord['blockedBy'] {
  const hasFactor = facts.totp + facts.passkeys > 0;
  // First of all: a session in no workspace owes it in every one.
  if (hasFactor && !provesSecondFactor(methodsOf(facts))) return 'second_factor_proof';
  if (facts.role === null) return 'no_workspace';
  return !hasFactor && facts.require_second_factor === 1 ? 'second_factor' : null;
}

function toRecord(facts: SessionFacts, firstId: string | null, options: SessionResolverOptions): SessionRecord {
  const blocked = blockedBy(facts);
  const standing = { isBlocked: blocked !== null, isInFirst: firstId !== null && facts.workspace_id === firstId };
  return {
    ...NO_SEAT,
    id: facts.id,
    userId: facts.user_id,
    signedInAtMs: signedInAtMs(facts),
    methods: methodsOf(facts),
    principal: principalOf(facts, standing, options),
    expiresAtMs: facts.expires_at,
    limits: planNamed(options.plans(), facts.plan).limits.login,
    limitBucket: `user:${facts.user_id}`,
    quota: null,
    quotaBucket: `user:${facts.user_id}`,
    isWorkspaceSuspended: facts.workspace_state === 'suspended',
    blockedBy: blocked,
    seenAtMs: facts.seen_at,
  };
}

export function createSessions(options: SessionResolverOptions): SessionResolver {
  const { database, changes, clock } = options;
  const seen = new Map<string, { id: string; atMs: number; address: string }>();
  const load = async (hash: string): Promise<SessionFacts | null> => {
    const facts = await sessionByHash(database.read, hash);
    return facts && facts.user_state === 'active' ? facts : null;
  };
  const cache = createRecordCache<SessionRecord>({
    changes,
    maxEntries: MAX_RECORDS,
    refsOf: ({ id, userId, principal }) => [id, userId, ...(principal.workspaceId ? [principal.workspaceId] : [])],
    load: async (hash) => {
      const facts = await load(hash);
      return facts && toRecord(facts, await options.firstWorkspaceId(), options);
    },
  });

  const isIdle = ({ seenAtMs }: SessionRecord) => clock.nowMs() - seenAtMs >= SESSION_IDLE_MS;
  const lives = (record: SessionRecord) => record.expiresAtMs > clock.nowMs() && !isIdle(record);

  return {
    peek: (text) => {
      const record = TEXT.test(text) ? cache.peek(sha256Hex(text)) : undefined;
      return record !== undefined && lives(record) ? record : undefined;
    },
    find: async (text) => {
      if (!TEXT.test(text)) return null;
      const hash = sha256Hex(text);
      const record = await cache.fetch(hash);
      if (!record || record.expiresAtMs <= clock.nowMs()) return null;
      if (!isIdle(record)) return record;
      // Another process may have seen it since.
      record.seenAtMs = (await load(hash))?.seen_at ?? record.seenAtMs;
      return isIdle(record) ? null : record;
    },
    touch: (record, address) => {
      const nowMs = clock.nowMs();
      if (nowMs - record.seenAtMs < SEEN_EACH_MS) return;
      record.seenAtMs = nowMs;
      seen.set(record.id, { id: record.id, atMs: nowMs, address });
    },
    noteRefreshed: (id, address) => void seen.set(id, { id, atMs: clock.nowMs(), address }),
    flush: async () => {
      const rows = [...seen.values()];
      if (rows.length === 0) return;
      seen.clear();
      await database.write((tx) => markSeen(tx, rows));
    },
    forget: cache.clear,
  };
}
