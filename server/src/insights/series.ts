/** One metric in memory, cheap enough for every request; shaped for Prometheus only when it is scraped. */
export interface Series {
  /** Prometheus text exposition 0.0.4, with HELP and TYPE. */
  expose(): string;
}

const escapeLabel = (value: string) => value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');

function labelsText(names: readonly string[], values: readonly string[], extra = ''): string {
  const pairs = names.map((name, index) => `${name}="${escapeLabel(values[index] ?? '')}"`);
  if (extra) pairs.push(extra);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

type Branch = Map<string, unknown>;

function childOf(branch: Branch, label: string): Branch {
  let child = branch.get(label) as Branch | undefined;
  if (child === undefined) {
    child = new Map();
    branch.set(label, child);
  }
  return child;
}

/** A tree of maps down the label values: no joined key has to be made and hashed on every count. */
class LabelTree<Leaf> {
  readonly #root: Branch = new Map();
  readonly #make: () => Leaf;
  readonly leaves: { values: readonly string[]; leaf: Leaf }[] = [];

  constructor(make: () => Leaf) {
    this.#make = make;
  }

  at(a: string, b = '', c = ''): Leaf {
    const third = childOf(childOf(this.#root, a), b) as Map<string, Leaf>;
    let leaf = third.get(c);
    if (leaf === undefined) {
      leaf = this.#make();
      third.set(c, leaf);
      this.leaves.push({ values: [a, b, c], leaf });
    }
    return leaf;
  }
}

export interface CounterSeries extends Series {
  add(a: string, b?: string, c?: string): void;
}

/** A counter with up to three labels. */
export function createCounter(name: string, help: string, labels: readonly string[]): CounterSeries {
  const tree = new LabelTree(() => ({ count: 0 }));
  return {
    add: (a, b, c) => {
      tree.at(a, b, c).count += 1;
    },
    expose: () => {
      const lines = tree.leaves.map(({ values, leaf }) => `${name}${labelsText(labels, values)} ${leaf.count}`);
      return [`# HELP ${name} ${help}`, `# TYPE ${name} counter`, ...lines, ''].join('\n');
    },
  };
}

export interface HistogramSeries extends Series {
  observe(seconds: number, a: string, b?: string, c?: string): void;
}

/** A histogram with up to three labels and fixed upper bounds in seconds. */
export function createHistogram(
  name: string,
  help: string,
  labels: readonly string[],
  boundsSeconds: readonly number[],
): HistogramSeries {
  const tree = new LabelTree(() => ({ counts: new Float64Array(boundsSeconds.length + 1), sum: 0 }));
  const lines = (values: readonly string[], { counts, sum }: { counts: Float64Array; sum: number }) => {
    let total = 0;
    const buckets = [...counts].map((count, index) => {
      total += count;
      const bound = boundsSeconds[index];
      return `${name}_bucket${labelsText(labels, values, `le="${bound ?? '+Inf'}"`)} ${total}`;
    });
    const all = labelsText(labels, values);
    return [...buckets, `${name}_sum${all} ${sum}`, `${name}_count${all} ${total}`];
  };
  return {
    observe: (seconds, a, b, c) => {
      const leaf = tree.at(a, b, c);
      let bucket = 0;
      while (bucket < boundsSeconds.length && seconds > (boundsSeconds[bucket] ?? 0)) bucket += 1;
      leaf.counts[bucket] = (leaf.counts[bucket] ?? 0) + 1;
      leaf.sum += seconds;
    },
    expose: () => {
      const all = tree.leaves.flatMap(({ values, leaf }) => lines(values, leaf));
      return [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`, ...all, ''].join('\n');
    },
  };
}

/** A number that is read when it is scraped. */
export function createGauge(name: string, help: string, read: () => number): Series {
  return { expose: () => [`# HELP ${name} ${help}`, `# TYPE ${name} gauge`, `${name} ${read()}`, ''].join('\n') };
}
