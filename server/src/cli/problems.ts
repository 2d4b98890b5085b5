export interface Problem {
  setting: string;
  problem: string;
  cure: string;
}

/** Why the server does not start: every problem, each with what to do about it. */
export function problemsText(problems: readonly Problem[]): string {
  const count = problems.length === 1 ? 'one thing needs' : `${problems.length} things need`;
  const entries = problems.map(({ setting, problem, cure }) => `  ${setting} ${problem}.\n    -> ${cure}.`);
  return `latchkey: cannot start; ${count} attention.\n\n${entries.join('\n')}\n`;
}

/** The problems of a `ConfigError`, known by its shape: the command line takes only types from the settings. */
export function problemsOf(error: unknown): readonly Problem[] | null {
  if (!(error instanceof Error) || error.name !== 'ConfigError' || !('problems' in error)) return null;
  return error.problems as readonly Problem[];
}
