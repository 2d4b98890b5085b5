import type { KeyObject } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { Clock } from '../clock.ts';
import { Failure } from '../failure.ts';
import type { Outbound } from '../outbound/index.ts';
import { isForeignAlgorithm } from './algorithms.ts';
import { type ForeignKey, pickKey, readJwks } from './jwk.ts';

/** Where somebody's keys are: at an address, or in what they registered. */
export type KeySource = { readonly uri: string } | { readonly jwks: object };

/** The public keys of others, in memory. */
export interface RemoteKeys {
  /**
   * The key that a header names, if its source has it and it fits `alg`; null when not, and then the token must be
   * refused. Throws `unavailable` while a source cannot be read and never could. `beforeReading` is awaited before an
   * address is asked for the caller, and not where the keys are in memory or on their way; what it throws is thrown.
   */
  keyFor(
    source: KeySource,
    header: { kid?: unknown; alg: string },
    beforeReading?: () => Promise<void>,
  ): Promise<KeyObject | null>;
}

export interface RemoteKeysOptions {
  clock: Clock;
  outbound: Outbound;
  /** How many addresses are asked at once; more are `unavailable`. Any number unless said. */
  mostAtOnce?: number;
  /** Hears why a source could not be read; `host` is all that is told of its address. */
  onError(error: unknown, source: { host: string }): void;
}

/** An address is asked no sooner again, whatever tokens name and however it answered. */
const COOLDOWN_MS = 30_000;
/** How long keys are good without being asked for again, unless their server says a time between the two. */
const MAX_AGE_MS = 10 * 60_000;
const SHORTEST_AGE_MS = COOLDOWN_MS;
/** A source that does not answer keeps its last keys no longer. */
const LAST_GOOD_MS = 24 * 3_600_000;
const MAX_SOURCES = 2000;
/** Of all sources together: whoever has sets read chooses their size, and keys of 8192 bits take three kilobytes each. */
const MOST_KEYS_KEPT = 20_000;
const LIMIT_BYTES = 256 * 1024;

type Pick = (keys: readonly ForeignKey[]) => KeyObject | null;
type BeforeReading = () => Promise<void>;

/** What is known of one address. */
interface Known {
  keys: readonly ForeignKey[] | null;
  /** When `keys` were read, and for how long they are good. */
  readAtMs: number;
  maxAgeMs: number;
  triedAtMs: number;
  /** Everybody who needs the keys waits for the same request. */
  reading: Promise<void> | null;
}

function maxAgeOf(cacheControl: string | undefined): number {
  const [, seconds] = /(?:^|[\s,])max-age=(\d{1,9})\b/i.exec(cacheControl ?? '') ?? [];
  if (seconds === undefined) return MAX_AGE_MS;
  return Math.min(Math.max(Number(seconds) * 1000, SHORTEST_AGE_MS), MAX_AGE_MS);
}

async function fetchKeys(outbound: Outbound, uri: string): Promise<{ keys: readonly ForeignKey[]; maxAgeMs: number }> {
  const headers = { accept: 'application/jwk-set+json, application/json' };
  const { status, headers: told, body } = await outbound({ url: uri, headers, limitBytes: LIMIT_BYTES });
  if (status !== 200) throw new Error(`the key set was answered with status ${status}`);
  const keys = readJwks(JSON.parse(body.toString('utf8')));
  if (!keys) throw new Error('the answer is no key set');
  return { keys, maxAgeMs: maxAgeOf(told['cache-control']) };
}

/** Keys at an address: read when they are needed, replaced whole, kept while the address does not answer. */
class RemoteSets {
  readonly #options: RemoteKeysOptions;
  // By the address and nothing else: what a token names never decides where keys are looked for.
  readonly #known = new LRUCache<string, Known>({
    max: MAX_SOURCES,
    maxSize: MOST_KEYS_KEPT,
    sizeCalculation: ({ keys }) => 1 + (keys?.length ?? 0),
  });
  #readings = 0;

  constructor(options: RemoteKeysOptions) {
    this.#options = options;
  }

  async find(uri: string, pick: Pick, beforeReading?: BeforeReading): Promise<KeyObject | null> {
    const known = this.#of(uri);
    const nowMs = this.#options.clock.nowMs();
    const isOld = known.keys === null || nowMs >= known.readAtMs + known.maxAgeMs;
    if (isOld) await this.#refresh(uri, known, beforeReading);
    const found = this.#good(known, pick);
    if (found) return found;
    await this.#refresh(uri, known, beforeReading);
    const foundNow = this.#good(known, pick);
    if (foundNow === null && known.keys === null) {
      const retryAfterSeconds = COOLDOWN_MS / 1000;
      throw new Failure('unavailable', 'The keys of the issuer cannot be read at the moment.', { retryAfterSeconds });
    }
    return foundNow;
  }

  #of(uri: string): Known {
    const known = this.#known.get(uri);
    if (known) return known;
    const fresh: Known = { keys: null, readAtMs: 0, maxAgeMs: 0, triedAtMs: Number.NEGATIVE_INFINITY, reading: null };
    this.#known.set(uri, fresh);
    return fresh;
  }

  #good(known: Known, pick: Pick): KeyObject | null {
    if (known.keys !== null && this.#options.clock.nowMs() >= known.readAtMs + LAST_GOOD_MS) known.keys = null;
    return known.keys && pick(known.keys);
  }

  /** The reading that is under way, or null while nothing is to be asked. */
  #underWay({ reading, triedAtMs }: Known): Promise<void> | null {
    if (reading) return reading;
    return this.#options.clock.nowMs() < triedAtMs + COOLDOWN_MS ? Promise.resolve() : null;
  }

  async #refresh(uri: string, known: Known, beforeReading?: BeforeReading): Promise<void> {
    const before = this.#underWay(known);
    if (before) return before;
    await beforeReading?.();
    return this.#underWay(known) ?? this.#begin(uri, known);
  }

  #begin(uri: string, known: Known): Promise<void> {
    if (this.#readings >= (this.#options.mostAtOnce ?? Number.POSITIVE_INFINITY)) {
      throw new Failure('unavailable', 'Too many key sets are being read. Try again.', { retryAfterSeconds: 1 });
    }
    this.#readings += 1;
    known.triedAtMs = this.#options.clock.nowMs();
    known.reading = this.#read(uri, known, known.triedAtMs).finally(() => {
      this.#readings -= 1;
      known.reading = null;
    });
    return known.reading;
  }

  async #read(uri: string, known: Known, nowMs: number): Promise<void> {
    try {
      Object.assign(known, { ...(await fetchKeys(this.#options.outbound, uri)), readAtMs: nowMs });
      // Weighed anew, with the keys that it has now: what is set again as it is keeps its old weight.
      this.#known.delete(uri);
      this.#known.set(uri, known);
    } catch (error) {
      this.#options.onError(error, { host: URL.parse(uri)?.host ?? '' });
    }
  }
}

export function createRemoteKeys(options: RemoteKeysOptions): RemoteKeys {
  const sets = new RemoteSets(options);
  const registered = new WeakMap<object, readonly ForeignKey[]>();
  const keysOf = (jwks: object): readonly ForeignKey[] => {
    const known = registered.get(jwks) ?? readJwks(jwks) ?? [];
    registered.set(jwks, known);
    return known;
  };
  return {
    keyFor: async (source, { kid, alg }, beforeReading) => {
      if (!isForeignAlgorithm(alg)) return null;
      const pick: Pick = (keys) => pickKey(keys, kid, alg);
      return 'uri' in source ? sets.find(source.uri, pick, beforeReading) : pick(keysOf(source.jwks));
    },
  };
}
