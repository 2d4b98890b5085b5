/** `note` is worth knowing, `warning` wants a hand, `problem` keeps a server from starting. */
export type Level = 'ok' | 'note' | 'warning' | 'problem';

/** One thing that was looked at. */
export interface Finding {
  area: string;
  level: Level;
  what: string;
  /** What to do about it. */
  cure?: string;
}

/** Findings of one area. */
export function findingsOf(area: string) {
  const make =
    (level: Level) =>
    (what: string, cure?: string): Finding => ({ area, level, what, ...(cure === undefined ? {} : { cure }) });
  return { ok: make('ok'), note: make('note'), warning: make('warning'), problem: make('problem') };
}
