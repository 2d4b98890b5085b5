import { refuse } from '../authorization-error.ts';
import type { Step } from './step.ts';

/** OpenID Connect Core §3.1.2.1: how long ago the sign-in may be (security A18). */
export const maxAge: Step = ({ params }) => {
  const asked = params.get('max_age');
  if (asked === null) return {};
  if (!/^\d{1,10}$/.test(asked)) return refuse('invalid_request', 'max_age is a whole number of seconds.');
  return { maxAgeSeconds: Number(asked) };
};
