import { refuse } from '../authorization-error.ts';
import type { Step } from './step.ts';

/** RFC 9396 §5: no type of authorization details is offered, so any is an unknown one (security B7). */
export const authorizationDetails: Step = ({ params }) =>
  params.get('authorization_details') === null
    ? {}
    : refuse('invalid_authorization_details', 'No authorization details are offered. Ask by scope and resource.');
