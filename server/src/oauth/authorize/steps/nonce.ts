import { refuse } from '../authorization-error.ts';
import type { Step } from './step.ts';

const LONGEST = 1000;

/** OpenID Connect Core §3.1.2.1: goes into the ID token as it is. */
export const nonce: Step = ({ params }) => {
  const value = params.get('nonce');
  if (value !== null && value.length > LONGEST) return refuse('invalid_request', 'nonce is 1000 characters at most.');
  return { nonce: value };
};
