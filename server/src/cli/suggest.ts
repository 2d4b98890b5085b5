/** Optimal string alignment distance: insertions, deletions, replacements and swaps of neighbors. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (before[j - 2] ?? 0) + 1);
      row.push(best);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

const LONGEST = 40;

/** What was most likely meant; undefined when nothing is near. */
export function nearest(typed: string, known: readonly string[]): string | undefined {
  if (typed.length > LONGEST) return undefined;
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(typed.length / 3)) + 1;
  for (const name of known) {
    const found = distance(typed.toLowerCase(), name);
    if (found < bestDistance) [best, bestDistance] = [name, found];
  }
  return best;
}

/** ` Did you mean …?`, or nothing. */
export function didYouMean(typed: string, known: readonly string[], shown = (name: string) => name): string {
  const name = nearest(typed, known);
  return name === undefined ? '' : ` Did you mean \`${shown(name)}\`?`;
}
