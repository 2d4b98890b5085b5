import { describe, expect, test } from 'vitest';
import { DATABASES } from '../harness.ts';
import { runRounds } from './rounds.ts';

/** Its three rounds meet each kind of kill: of the server, also while it starts, of PostgreSQL, of Redis; and SIGTERM. */
const SEED = 33;
const ROUNDS = 3;

describe.concurrent.each(DATABASES)('kill -9 on %s', (database) => {
  test(`${ROUNDS} rounds of load and crash break no promise`, { timeout: 240_000 }, async () => {
    const lines: string[] = [];
    const say = (line: string) => void lines.push(line);
    const summary = await runRounds({ database, seed: SEED, rounds: ROUNDS, say });
    expect(summary.violations, lines.join('\n')).toEqual([]);
    expect(summary.rounds).toBe(ROUNDS);
    // It would find nothing if nothing was done, or nothing was interrupted.
    expect(summary.deeds.get('acknowledged')).toBeGreaterThan(20);
    expect(summary.calls.unanswered).toBeGreaterThan(0);
    const strikes = ['server', 'postgres', 'server and postgres', 'redis', 'all'];
    expect(strikes.filter((strike) => summary.kills.has(strike))).not.toEqual([]);
  });
});
