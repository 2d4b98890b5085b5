import { refuse } from '../authorization-error.ts';
import type { Step } from './step.ts';

/** What waits for a person is stored with it. */
const LONGEST = 4000;

/** RFC 6749 §4.1.1: comes back as it is, so the address has it already. */
export const state: Step = ({ params }) => {
  const value = params.get('state');
  return value === null || value.length <= LONGEST
    ? {}
    : refuse('invalid_request', 'state is 4000 characters at most.');
};
