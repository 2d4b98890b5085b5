import type { LostEnd } from '../api-keys/index.ts';
import { LostObjectEnds, type LostObjects } from './lost-objects.ts';
import type { RecordedEvent } from './revocations.ts';

/** What ended after a backup: credentials that it would bring back to life. */
export interface LostEnds {
  keys: LostEnd[];
  suspendedWorkspaceIds: string[];
  objects: LostObjects;
  /** Events that did something else than to end a credential, or something else too: that is lost. */
  others: number;
}

const numberOr = (value: unknown, other: number | null) => (typeof value === 'number' ? value : other);
const textOr = (value: unknown, other: string | null) => (typeof value === 'string' ? value : other);

function blankEnd(keyId: string): LostEnd {
  return { keyId, revokedAtMs: null, reason: null, expiresAtMs: null, isDisabled: false };
}

const sooner = (a: number | null, b: number | null) => (a === null || b === null ? (a ?? b) : Math.min(a, b));

const ENDING = ['expires_at', 'disabled'];

/** Adds what an event says of a key's end; false when it did something else, or something else too. */
function addToEnd(end: LostEnd, { action, atMs, data }: RecordedEvent, nowMs: number): boolean {
  if (action === 'api_key.revoked' || action === 'api_key.deleted') {
    end.revokedAtMs = sooner(end.revokedAtMs, atMs);
    end.reason ??= action === 'api_key.deleted' ? 'deleted' : textOr(data.reason, null);
    return true;
  }
  if (action === 'api_key.rotated') {
    const endsAtMs = numberOr(data.predecessor_ends_at, atMs) ?? atMs;
    if (endsAtMs > nowMs) end.expiresAtMs = sooner(end.expiresAtMs, endsAtMs);
    else end.revokedAtMs = sooner(end.revokedAtMs, endsAtMs);
    end.reason ??= 'rotated';
    return true;
  }
  if (action !== 'api_key.updated') return false;
  const after: Record<string, unknown> = Object(data.after ?? {});
  const expiresAtMs = numberOr(after.expires_at, null);
  const disabled = numberOr(after.disabled, null);
  end.expiresAtMs = sooner(end.expiresAtMs, expiresAtMs);
  // In the order of the log: disabled and made active again is active.
  if (disabled !== null) end.isDisabled = disabled === 1;
  const changed: unknown[] = Array.isArray(data.changed) ? data.changed : Object.keys(after);
  return changed.every((name) => ENDING.includes(String(name))) && (expiresAtMs !== null || disabled !== null);
}

const saysSomething = ({ revokedAtMs, expiresAtMs, isDisabled }: LostEnd) =>
  revokedAtMs !== null || expiresAtMs !== null || isDisabled;

/** Sums up events in their order. Pure. */
export function lostEndsOf(events: readonly RecordedEvent[], nowMs: number): LostEnds {
  const keys = new Map<string, LostEnd>();
  const suspended = new Set<string>();
  const objects = new LostObjectEnds();
  let others = 0;
  for (const event of events) {
    const { action, targetId } = event;
    if (targetId !== null && action === 'workspace.suspended') suspended.add(targetId);
    else if (targetId !== null && action === 'workspace.active') suspended.delete(targetId);
    else if (!objects.add(event)) {
      const end = keys.get(targetId ?? '') ?? blankEnd(targetId ?? '');
      if (targetId === null || !addToEnd(end, event, nowMs)) others += 1;
      if (targetId !== null && saysSomething(end)) keys.set(targetId, end);
    }
  }
  return { keys: [...keys.values()], suspendedWorkspaceIds: [...suspended], objects: objects.all(), others };
}
