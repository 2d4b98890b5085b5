import { OAuthFailure } from '../../../failure.ts';
import type { Asked } from '../ask.ts';

/** RFC 9396 §6: no consent has authorization details, so any are more than was granted (security B7, B8). */
export function authorizationDetails({ call }: Asked): Record<never, never> {
  if (call.params.get('authorization_details') === undefined) return {};
  throw new OAuthFailure(
    'invalid_authorization_details',
    'No authorization details are offered. Ask by scope and resource.',
  );
}
