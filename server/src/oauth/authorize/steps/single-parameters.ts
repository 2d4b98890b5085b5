import { refuse } from '../authorization-error.ts';
import type { AuthorizationParameters } from '../parameters.ts';
import type { Step } from './step.ts';

/** RFC 8707 §2 lets this one occur many times. */
const REPEATABLE = new Set(['resource']);

/** Those that say who is told of an error, and how: when one of them is doubtful, nobody is. */
const ADDRESS = ['client_id', 'redirect_uri', 'state', 'response_mode'];

/** The first parameter of the return address that occurs twice; null when each occurs once. */
export function repeatedInAddress({ repeated }: AuthorizationParameters): string | null {
  return ADDRESS.find((name) => repeated.has(name)) ?? null;
}

/** RFC 6749 §3.1: no parameter occurs more than once (security A5). */
export const singleParameters: Step = ({ params }) => {
  const twice = [...params.repeated].filter((name) => !REPEATABLE.has(name));
  return twice.length === 0 ? {} : refuse('invalid_request', 'A parameter was sent more than once.');
};
