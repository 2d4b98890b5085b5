import { parseScopeString } from '@latchkey/protocol';
import { OAuthFailure } from '../../../failure.ts';
import type { Asked } from '../ask.ts';

const LONGEST = 4000;

/** RFC 6749 §3.3: `scope` as it is written, and `invalid_scope` where a scope cannot be so written or is none of ours (security C21). */
export function wantedScopes({ deps: { catalogue }, call }: Asked): { wantedScopes: readonly string[] | null } {
  const text = call.params.get('scope');
  if (text === undefined) return { wantedScopes: null };
  const scopes = text.length > LONGEST ? null : parseScopeString(text);
  if (scopes === null) {
    throw new OAuthFailure('invalid_scope', 'scope is a list of scopes with single spaces between them.');
  }
  const [unknown] = catalogue.unknown(scopes);
  if (unknown !== undefined) {
    throw new OAuthFailure('invalid_scope', `There is no scope ${unknown.slice(0, 100)}.`);
  }
  return { wantedScopes: scopes };
}
