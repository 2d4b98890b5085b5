import { refuse } from '../authorization-error.ts';
import type { Step } from './step.ts';

/** RFC 6749 §4.1.2.1: the client must be registered for codes. */
export const clientMay: Step = ({ application }) =>
  application.grantTypes.includes('authorization_code')
    ? {}
    : refuse('unauthorized_client', 'This application is not registered for the grant authorization_code.');
