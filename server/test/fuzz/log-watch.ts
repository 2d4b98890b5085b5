import { type SecretBook, secretsIn } from './secrets.ts';

const WARN = 40;
const MAX_PROBLEMS = 20;

/** Lines at warn or above that are no mistake, each with its reason. None so far. */
const ALLOWED: readonly RegExp[] = [];

/** Reads the log as it is written. */
export interface LogWatch {
  write(chunk: string): void;
  readonly lines: number;
  readonly problems: string[];
}

function problemOfLine(line: string, book: SecretBook): string | null {
  let json: unknown;
  try {
    json = JSON.parse(line);
  } catch {
    return 'a line that is not JSON';
  }
  const { level, time, msg } = json as { level?: unknown; time?: unknown; msg?: unknown };
  if (typeof level !== 'number' || typeof time !== 'string' || typeof msg !== 'string') return 'a line of another form';
  if (level >= WARN && !ALLOWED.some((pattern) => pattern.test(line))) return `a line of level ${level}`;
  if (secretsIn(line).length > 0 || book.foreignIn(line).length > 0) return 'a secret in the log';
  // What the last net caught should not have come so far.
  if (line.includes('[redacted]')) return 'a secret that only the redaction kept out of the log';
  return null;
}

export function createLogWatch(book: SecretBook): LogWatch {
  const problems: string[] = [];
  let lines = 0;
  let rest = '';
  return {
    write: (chunk) => {
      const whole = (rest + chunk).split('\n');
      rest = whole.pop() ?? '';
      for (const line of whole) {
        lines += 1;
        const problem = problemOfLine(line, book);
        if (problem !== null && problems.length < MAX_PROBLEMS) problems.push(`${problem}: ${line.slice(0, 2000)}`);
      }
    },
    get lines() {
      return lines;
    },
    problems,
  };
}
