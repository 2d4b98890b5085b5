import { refuse } from '../authorization-error.ts';
import type { Step } from './step.ts';

/** OpenID Connect Core §6, RFC 9101: request objects are not taken, and nothing is fetched (security A20). */
export const requestObjects: Step = ({ params }) => {
  if (params.get('request') !== null) return refuse('request_not_supported', 'Send the parameters themselves.');
  if (params.get('request_uri') !== null) {
    return refuse('request_uri_not_supported', 'Send the parameters themselves.');
  }
  return {};
};
