/** One rule of an endpoint: it reads what the steps before it found, and returns what it finds; a refusal is thrown. */
type Rule<Known, Found> = (known: Known) => Found | Promise<Found>;

interface Step {
  source: string;
  rule: Rule<object, object>;
}

/** The ordered rules of an endpoint: its table. Each is given all that was found before it, and nothing of what comes later. */
export interface Steps<Start extends object, Known extends object> {
  /** `source`: where the rule is written, such as `RFC 6749 §5.2`. */
  next<Found extends object>(source: string, rule: Rule<Known, Found>): Steps<Start, Known & Found>;
  run(start: Start): Promise<Known>;
}

function sequence<Start extends object, Known extends object>(steps: readonly Step[]): Steps<Start, Known> {
  return {
    next: <Found extends object>(source: string, rule: Rule<Known, Found>) =>
      sequence<Start, Known & Found>([...steps, { source, rule: rule as unknown as Rule<object, object> }]),
    run: async (start) => {
      const known = { ...start };
      for (const { rule } of steps) {
        const found = rule(known);
        Object.assign(known, found instanceof Promise ? await found : found);
      }
      return known as unknown as Known;
    },
  };
}

/** Begins a table. */
export const stepsOf = <Start extends object>(): Steps<Start, Start> => sequence<Start, Start>([]);
