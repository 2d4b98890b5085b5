import { refuse } from '../authorization-error.ts';
import type { Step } from './step.ts';

/** RFC 6749 §3.1.1, §4.1.1: `code` and nothing else; no implicit or hybrid flow exists here (security A9). */
export const responseType: Step = ({ params }) => {
  const asked = params.get('response_type');
  if (asked === null) return refuse('invalid_request', 'response_type is required: code.');
  return asked === 'code' ? {} : refuse('unsupported_response_type', 'The only response_type here is code.');
};
