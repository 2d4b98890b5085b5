/** Each cycle of a graph once, as a list of names that ends where it began. */
export function cyclesIn(graph: Map<string, Set<string>>): string[][] {
  const cycles = new Map<string, string[]>();
  const finished = new Set<string>();
  const trail: string[] = [];
  const visit = (name: string): void => {
    const start = trail.indexOf(name);
    if (start !== -1) {
      const members = trail.slice(start);
      cycles.set([...members].sort().join(' '), [...members, name]);
    } else if (!finished.has(name)) {
      trail.push(name);
      for (const next of graph.get(name) ?? []) visit(next);
      trail.pop();
      finished.add(name);
    }
  };
  for (const name of graph.keys()) visit(name);
  return [...cycles.values()];
}
