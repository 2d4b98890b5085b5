import type { Draft } from './draft.ts';
import type { Acknowledged } from './growth.ts';
import type { Operation } from './operations.ts';
import type { Verdict } from './oracle.ts';
import type { Scenery } from './plan.ts';
import type { Target } from './target.ts';
import type { WireReply } from './wire.ts';

export interface FuzzOptions {
  seed: number;
  /** Requests to documented routes; raw connections come on top, one for every ten of them. */
  requests: number;
  /** How many are sent at a time. */
  lanes?: number;
  /** Null: SQLite in a folder of its own. */
  databaseUrl?: string | null;
  /** Ends the run early when so many violations were found. */
  maxViolations?: number;
  onProgress?(sent: number): void;
}

/** Something that must not be. */
export interface Violation {
  what: string;
  /** Where in the run, and how to send it once more. */
  where: string;
}

export interface FuzzReport {
  seed: number;
  requests: number;
  rawConnections: number;
  seconds: number;
  requestsPerSecond: number;
  /** How many replies there were of each status. */
  statuses: Record<string, number>;
  /** How many of the documented operations were answered with success at least once. */
  reached: number;
  operations: number;
  /** `POST /v1/…` of those that were not. */
  unreached: string[];
  /** How often each of OAuth's requests was answered with success: grants by their type. */
  oauth: Record<string, number>;
  logLines: number;
  secrets: number;
  slowestHealthMs: number;
  /** MiB after a forced collection: at the start, at half-time, at the end. */
  heapMiB: number[];
  residentMiB: number[];
  tables: Record<string, number>;
  violations: Violation[];
}

/** One mistake makes many violations: a few of them are enough to mend it, and the run goes on to find others. */
const MAX_ALIKE = 3;

/** Counts, and what was found; shared by all that runs at the same time. */
export class Run {
  readonly options: Required<Omit<FuzzOptions, 'onProgress'>>;
  readonly violations: Violation[] = [];
  readonly statuses: Record<string, number> = {};
  readonly reached = new Set<Operation>();
  readonly acknowledged: Acknowledged = { writes: 0, keyed: 0, imported: 0, guesses: 0, assertions: 0 };
  readonly oauth: Record<string, number> = {};
  rawConnections = 0;
  sent = 0;
  sendingSeconds = 0;
  slowestHealthMs = 0;

  constructor({ seed, requests, lanes = 24, databaseUrl = null, maxViolations = 10 }: FuzzOptions) {
    this.options = { seed, requests, lanes, databaseUrl, maxViolations };
  }

  /** The server has ended, or answers nobody: nothing more can be learned. */
  isBroken = false;

  get isOver(): boolean {
    return this.isBroken || this.violations.length >= this.options.maxViolations;
  }

  breakOff(what: string, where: string): void {
    this.found(what, where);
    this.isBroken = true;
  }

  found(what: string, where: string): void {
    const alike = this.violations.filter((known) => known.what === what).length;
    if (this.violations.length < this.options.maxViolations && alike < MAX_ALIKE) this.violations.push({ what, where });
  }

  count(status: number | string): void {
    this.statuses[status] = (this.statuses[status] ?? 0) + 1;
  }

  name(index: number): string {
    return `--seed ${this.options.seed} #${index}`;
  }
}

/** What every part of a run works with. */
export interface Scene {
  run: Run;
  target: Target;
  scenery: Scenery;
  judge(draft: Draft, reply: WireReply): Verdict;
  isPage(path: string): boolean;
  /** Keeps people signed in. */
  renew(): Promise<void>;
}
