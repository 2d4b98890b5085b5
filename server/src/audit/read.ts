import { toTimestamp } from '../clock.ts';
import type { Database } from '../database/index.ts';
import { eventsAfter, lastBatch, type StoredEvent, seqBeforeNewest } from './store.ts';

/** An event as it is shown. */
export interface AuditEvent {
  id: string;
  created_at: string;
  action: string;
  actor_kind: string;
  actor_id: string | null;
  workspace_id: string | null;
  environment: string | null;
  target_id: string | null;
  request_id: string | null;
  address: string | null;
  data: Record<string, unknown>;
  /** The batch that seals it; null for the newest, until the next second. */
  batch: number | null;
}

function present(row: StoredEvent): AuditEvent {
  return {
    id: row.id,
    created_at: toTimestamp(row.created_at),
    action: row.action,
    actor_kind: row.actor_kind,
    actor_id: row.actor_id,
    workspace_id: row.workspace_id,
    environment: row.environment,
    target_id: row.target_id,
    request_id: row.request_id,
    address: row.address,
    data: JSON.parse(row.data) as Record<string, unknown>,
    batch: row.batch,
  };
}

const PAGE = 500;

export interface ReadOptions {
  sinceMs: number | null;
  untilMs: number | null;
}

/** Every event of a time, in pages, in the order in which they were recorded; holds one page at a time. */
export async function* readAuditEvents(
  { read }: Database,
  { sinceMs, untilMs }: ReadOptions,
): AsyncGenerator<AuditEvent[]> {
  let afterSeq = 0;
  for (;;) {
    const rows = await eventsAfter(read, { afterSeq, sinceMs, untilMs, limit: PAGE });
    afterSeq = rows.at(-1)?.seq ?? afterSeq;
    if (rows.length > 0) yield rows.map(present);
    if (rows.length < PAGE) return;
  }
}

/** Numbers are given out before commits: on PostgreSQL a lower one may appear so much later. */
const LOOK_BACK = 1000;

/**
 * The newest events; then, each time it is asked, those that were recorded since. The caller says when to look again, by
 * asking.
 */
export async function* readNewestEvents({ read }: Database, count: number): AsyncGenerator<AuditEvent[]> {
  let floor = await seqBeforeNewest(read, count);
  let newest = floor;
  let seen = new Set<number>();
  for (;;) {
    const afterSeq = Math.max(floor, newest - LOOK_BACK);
    const found: StoredEvent[] = [];
    let last = afterSeq;
    for (;;) {
      const rows = await eventsAfter(read, { afterSeq: last, sinceMs: null, untilMs: null, limit: PAGE });
      found.push(...rows.filter(({ seq }) => !seen.has(seq)));
      last = rows.at(-1)?.seq ?? last;
      if (rows.length < PAGE) break;
    }
    for (const { seq } of found) seen.add(seq);
    newest = Math.max(newest, last);
    seen = new Set([...seen].filter((seq) => seq > newest - LOOK_BACK));
    floor = Math.max(floor, newest - LOOK_BACK);
    yield found.map(present);
  }
}

/** The newest seal; null before the first. */
export async function auditHead({
  read,
}: Database): Promise<{ number: number; hash: string; sealedAtMs: number } | null> {
  const batch = await lastBatch(read);
  return batch ? { number: batch.number, hash: batch.hash, sealedAtMs: batch.sealed_at } : null;
}
