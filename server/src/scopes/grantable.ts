import type { ScopeCatalogue } from '@latchkey/protocol';
import { Failure } from '../failure.ts';
import type { Principal } from '../http/index.ts';

export interface WantedGrant {
  wanted: readonly string[];
  /** What was granted before: keeping it is no widening, not even when the catalogue has it no more. */
  kept: readonly string[];
  /** How the refusal begins, such as `A key cannot grant what it does not hold`. */
  refusal: string;
}

/** No credential grants what it does not hold itself (contract §5). Throws `insufficient_scope`. */
export function refuseBeyondHeld(
  catalogue: ScopeCatalogue,
  principal: Pick<Principal, 'grantedScopes' | 'scopes'>,
  { wanted, kept, refusal }: WantedGrant,
): void {
  const fresh = wanted.filter((scope) => !principal.grantedScopes.includes(scope) && !kept.includes(scope));
  if (fresh.length === 0) return;
  const allowed = new Set([...principal.scopes, ...catalogue.expand(kept)]);
  const beyond = catalogue.beyond(fresh, allowed);
  if (beyond.length === 0) return;
  throw new Failure('insufficient_scope', `${refusal}: ${beyond.join(', ')}.`, {
    scopes: { wanted: beyond, held: [...principal.grantedScopes] },
  });
}
