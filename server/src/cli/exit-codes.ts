import type { ErrorCode } from '@latchkey/protocol';
import { ERRORS } from '@latchkey/protocol';

/** What the exit code of `latchkey` says. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  denied: 3,
  notFound: 4,
  unreachable: 5,
  limited: 6,
  interrupted: 130,
} as const;

export const EXIT_CODES: readonly (readonly [number, string])[] = [
  [EXIT.done, 'Done'],
  [EXIT.failed, 'Failed, or a check found something'],
  [EXIT.usage, 'The command line, a setting or a field is wrong, or the database cannot be used; nothing was done'],
  [EXIT.denied, 'The key is missing, not valid, or may not do this'],
  [EXIT.notFound, 'There is no such thing, or the key may not see it'],
  [EXIT.unreachable, 'The server does not answer, or cannot do its work now'],
  [EXIT.limited, 'A limit or quota is used up'],
  [EXIT.interrupted, 'Interrupted by Ctrl-C'],
];

/** The exit code for a refusal of the API. */
export function exitCodeOfStatus(status: number): number {
  if (status === 401 || status === 403) return EXIT.denied;
  if (status === 404) return EXIT.notFound;
  if (status === 429) return EXIT.limited;
  if (status >= 500) return EXIT.unreachable;
  return status === 400 || status === 422 ? EXIT.usage : EXIT.failed;
}

export function exitCodeOf(code: ErrorCode): number {
  return exitCodeOfStatus(ERRORS[code].status);
}
