import type { Clock } from '../clock.ts';
import type { Output } from './host.ts';

/** Long work, told on stderr; silent where that is no terminal. */
export interface Progress {
  /** So many more are done. */
  add(count: number): void;
  /** Takes the bar away. */
  end(): void;
}

const REDRAW_MS = 100;
const BAR_WIDTH = 24;
const CLEAR = '\r\u001b[2K';

function barText(label: string, done: number, total: number | null): string {
  const counted = done.toLocaleString('en-US');
  if (total === null || total === 0) return `${label} ${counted}`;
  const share = Math.min(1, done / total);
  const filled = Math.round(share * BAR_WIDTH);
  const bar = `${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}`;
  return `${label} [${bar}] ${Math.floor(share * 100)}% ${counted}/${total.toLocaleString('en-US')}`;
}

/** `total` null: how much there is is not known. */
export function createProgress(stderr: Output, clock: Clock, label: string, total: number | null): Progress {
  if (stderr.isTTY !== true) return { add: () => {}, end: () => {} };
  let done = 0;
  let drawnMs = Number.NEGATIVE_INFINITY;
  const draw = () => {
    drawnMs = clock.nowMs();
    stderr.write(`${CLEAR}${barText(label, done, total).slice(0, (stderr.columns || 80) - 1)}`);
  };
  draw();
  return {
    add: (count) => {
      done += count;
      if (clock.nowMs() - drawnMs >= REDRAW_MS) draw();
    },
    end: () => void stderr.write(CLEAR),
  };
}
