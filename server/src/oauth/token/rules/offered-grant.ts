import { OAuthFailure } from '../../../failure.ts';
import type { Asked } from '../ask.ts';
import type { Grant } from '../grant.ts';

/** RFC 6749 §5.2: `unsupported_grant_type`. There is no password and no implicit grant to ask for (security C9). */
export function offeredGrant(grants: readonly Grant[]) {
  const byType = new Map<string, Grant>(grants.map((grant) => [grant.type, grant]));
  return ({ call }: Asked): { grant: Grant } => {
    const type = call.params.get('grant_type');
    if (type === undefined) throw new OAuthFailure('invalid_request', 'grant_type is required.');
    const grant = byType.get(type);
    if (grant) return { grant };
    throw new OAuthFailure('unsupported_grant_type', `grant_type is one of ${[...byType.keys()].join(', ')}.`);
  };
}
