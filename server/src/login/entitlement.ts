import type { ScopeCatalogue } from '@latchkey/protocol';
import { endedChallenge, provesSecondFactor, ROLE_SCOPES, type Standing } from '../accounts/index.ts';
import { Failure } from '../failure.ts';

/** `amr` of a login (RFC 8176) that passed a second factor. */
const SECOND_FACTOR = 'mfa';

const isOfBothFactors = (amr: unknown) => Array.isArray(amr) && amr.includes(SECOND_FACTOR);

/**
 * What a person who has just proved themselves may do in a workspace: all that their role may. Throws `forbidden`,
 * `not_found`; `invalid_credentials` when a second factor was added after the password was looked at. Pure.
 */
export function scopesAtLogin(standing: Standing | null, methods: readonly string[]): readonly string[] {
  if (!standing) throw new Failure('not_found', 'You are in no such workspace.');
  if (standing.isWorkspaceSuspended) throw new Failure('forbidden', 'The workspace is suspended.');
  if (standing.requiresSecondFactor && !standing.hasSecondFactor) {
    throw new Failure('forbidden', 'The workspace requires a second factor. Add one to your account first.');
  }
  if (standing.hasSecondFactor && !provesSecondFactor(methods)) throw endedChallenge();
  return ROLE_SCOPES[standing.role];
}

const over = (message: string) => new Failure('invalid_token', message);

/**
 * What an older login may still do: what it was granted and the role still may. Throws `invalid_token` when that is
 * nothing, and when the account or the workspace asks for more proof than it gave. Pure.
 */
export function scopesAtRefresh(
  catalogue: ScopeCatalogue,
  standing: Standing | null,
  { scopes, amr }: { scopes: readonly string[]; amr: unknown },
): readonly string[] {
  if (!standing) throw over('You are not in the workspace of this login any more.');
  if (standing.isDisabled) throw over('The account is disabled.');
  if (standing.isWorkspaceSuspended) throw over('The workspace of this login is suspended.');
  if ((standing.hasSecondFactor || standing.requiresSecondFactor) && !isOfBothFactors(amr)) {
    throw over('This login is from before a second factor was asked for. Log in again.');
  }
  if (standing.requiresSecondFactor && !standing.hasSecondFactor) {
    throw over('The workspace requires a second factor, and the account has none any more.');
  }
  const ofRole = ROLE_SCOPES[standing.role];
  const [granted, allowed] = [catalogue.expand(scopes), catalogue.expand(ofRole)];
  const kept = scopes.filter((scope) => allowed.has(scope));
  return [...new Set([...kept, ...ofRole.filter((scope) => granted.has(scope))])];
}
