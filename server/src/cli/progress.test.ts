import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { manualClock } from '../../test/harness.ts';
import type { Output } from './host.ts';
import { createProgress } from './progress.ts';

const CLEAR = '\r\u001b[2K';

function screen(isTTY: boolean) {
  const stderr: Output = new PassThrough({ encoding: 'utf8' });
  stderr.isTTY = isTTY;
  return { stderr, shown: () => (stderr as PassThrough).read() as string | null };
}

test('what is done is drawn ten times a second at most, and taken away at the end', () => {
  const clock = manualClock();
  const { stderr, shown } = screen(true);
  const progress = createProgress(stderr, clock, 'Importing', null);
  progress.add(1000);
  clock.advance(100);
  progress.add(1);
  progress.add(1);
  progress.end();
  expect(shown()).toBe(`${CLEAR}Importing 0${CLEAR}Importing 1,001${CLEAR}`);
});

test('of a known total the share is drawn, never over all of it', () => {
  const clock = manualClock();
  const { stderr, shown } = screen(true);
  const progress = createProgress(stderr, clock, 'Reading', 4);
  for (const count of [1, 4]) {
    clock.advance(100);
    progress.add(count);
  }
  expect(shown()).toBe(
    [
      `${CLEAR}Reading [${'.'.repeat(24)}] 0% 0/4`,
      `${CLEAR}Reading [${'#'.repeat(6)}${'.'.repeat(18)}] 25% 1/4`,
      `${CLEAR}Reading [${'#'.repeat(24)}] 100% 5/4`,
    ].join(''),
  );
});

test('where no terminal is, nothing is drawn', () => {
  const { stderr, shown } = screen(false);
  const progress = createProgress(stderr, manualClock(), 'Importing', null);
  progress.add(1);
  progress.end();
  expect(shown()).toBe(null);
});
