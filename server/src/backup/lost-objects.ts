import type { LostApplicationEnd } from '../applications/index.ts';
import type { RecordedEvent } from './revocations.ts';

/** What ended after a backup that would bring it back, beside keys and workspaces. */
export interface LostObjects {
  applications: LostApplicationEnd[];
  issuerIds: string[];
  grantIds: string[];
  /** Disabled or deleted. */
  userIds: string[];
}

type Ending = { -readonly [Name in keyof LostApplicationEnd]: LostApplicationEnd[Name] } & { secretIds: string[] };

const sooner = (a: number | null, b: number) => (a === null ? b : Math.min(a, b));

/** Adds what an event says of an application's end; false when it did something else, or something else too. */
function addToEnd(end: Ending, { action, atMs, data }: RecordedEvent): boolean {
  if (action === 'application.deleted') {
    end.isDeleted = true;
    return true;
  }
  if (action === 'application.secret_revoked' && typeof data.secret_id === 'string') {
    end.secretIds.push(data.secret_id);
    return true;
  }
  if (action === 'application.secret_created' && typeof data.overlap_ms === 'number') {
    // The new one is not in the backup; those that it took the place of end as they would have.
    end.secretsEndAtMs = sooner(end.secretsEndAtMs, atMs + data.overlap_ms);
    return true;
  }
  if (action !== 'application.updated' || typeof data.disabled !== 'boolean') return false;
  // In the order of the log: disabled and made active again is active.
  end.isDisabled = data.disabled;
  return Array.isArray(data.changed) && data.changed.length === 0;
}

/** Sums up events in their order; which of them did something else stays with who asks. */
export class LostObjectEnds {
  readonly #applications = new Map<string, Ending>();
  readonly #issuers = new Set<string>();
  readonly #grants = new Set<string>();
  readonly #users = new Set<string>();

  /** False when the event did something else than to end one of these, or something else too. */
  add(event: RecordedEvent): boolean {
    const { action, targetId } = event;
    if (targetId === null) return false;
    if (action === 'trusted_issuer.deleted') return this.#issuers.add(targetId) !== undefined;
    if (action === 'grant.revoked') return this.#grants.add(targetId) !== undefined;
    if (action === 'user.disabled' || action === 'user.deleted') return this.#users.add(targetId) !== undefined;
    if (action === 'user.enabled') return this.#users.delete(targetId);
    if (!action.startsWith('application.')) return false;
    const blank = { clientId: targetId, isDeleted: false, isDisabled: false, secretIds: [], secretsEndAtMs: null };
    const end: Ending = this.#applications.get(targetId) ?? blank;
    this.#applications.set(targetId, end);
    return addToEnd(end, event);
  }

  all(): LostObjects {
    return {
      applications: [...this.#applications.values()],
      issuerIds: [...this.#issuers],
      grantIds: [...this.#grants],
      userIds: [...this.#users],
    };
  }
}
