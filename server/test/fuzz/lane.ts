import type { Caller } from './callers.ts';
import type { Dice } from './dice.ts';
import { OauthMemory } from './oauth/memory.ts';

/** How many of a kind a lane remembers: enough to go deep, little enough to come back to the same object. */
const MAX_REMEMBERED = 12;

interface Minted {
  id: string;
  secret: string;
  workspaceId: string;
}

/**
 * What one sequence of requests has learned from the replies. Each lane sends one request at a time and knows only what
 * it made itself, so that the order of the others changes nothing in what it does.
 */
export class Lane {
  readonly #ids = new Map<string, string[]>();
  readonly #minted: Minted[] = [];
  readonly #cursors: string[] = [];
  readonly oauth = new OauthMemory();

  /** Ids and names by the collection that they were made in, such as `/api-keys`. */
  made(collection: string): readonly string[] {
    return this.#ids.get(collection) ?? [];
  }

  /** Every id that fits. */
  idsLike(pattern: RegExp): string[] {
    return [...this.#ids.values()].flat().filter((id) => pattern.test(id));
  }

  get cursors(): readonly string[] {
    return this.#cursors;
  }

  /** A key that this lane made, as a caller; it may have ended since. */
  mintedCaller(dice: Dice): Caller | null {
    if (this.#minted.length === 0) return null;
    const { id, secret, workspaceId } = dice.pick(this.#minted);
    return { name: `minted ${id}`, credential: secret, workspaceId, readsOnly: false, isDead: false };
  }

  get secrets(): string[] {
    return this.#minted.map(({ secret }) => secret);
  }

  /** Takes ids, secrets and cursors out of the reply of a call that succeeded. */
  learn(collection: string, isNew: boolean, json: unknown): void {
    if (typeof json !== 'object' || json === null) return;
    const { next_cursor: cursor, data } = json as { next_cursor?: unknown; data?: unknown };
    if (typeof cursor === 'string') remember(this.#cursors, cursor);
    if (!isNew) return;
    for (const each of Array.isArray(data) ? data : [json]) this.#learnObject(collection, each);
  }

  #learnObject(
    collection: string,
    json: { id?: unknown; name?: unknown; key?: unknown; workspace_id?: unknown },
  ): void {
    const { id, name, key, workspace_id: workspaceId } = json;
    const label = typeof id === 'string' ? id : name;
    if (typeof label !== 'string') return;
    const known = this.#ids.get(collection) ?? [];
    this.#ids.set(collection, known);
    remember(known, label);
    if (typeof key === 'string') remember(this.#minted, { id: label, secret: key, workspaceId: String(workspaceId) });
  }
}

function remember<T>(list: T[], item: T): void {
  list.push(item);
  if (list.length > MAX_REMEMBERED) list.shift();
}
