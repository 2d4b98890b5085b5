import { targetOf } from '../../target.ts';
import { refuse } from '../authorization-error.ts';
import type { Step } from './step.ts';

/** RFC 8707 §2: one known resource, by its absolute URI (security B6). A token is for one. */
export const resource: Step = ({ params, application, facts }) => {
  const target = targetOf(application, facts.resources, params.all('resource'));
  if ('refusal' in target) return refuse('invalid_target', target.refusal);
  return { audience: target.resource.audience };
};
