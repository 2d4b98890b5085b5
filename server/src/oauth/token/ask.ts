import type { Application, AuthenticatedClient } from '../../applications/index.ts';
import type { Actor } from '../../audit/index.ts';
import type { FormCall } from '../../http/index.ts';
import type { FIRST_PARTY_CLIENT } from '../../tokens/index.ts';
import type { TokenDeps } from './deps.ts';

/** A request to the token endpoint, as its rules find it. */
export interface Asked {
  deps: TokenDeps;
  call: FormCall;
}

/** The house itself, whose tokens are from logins by password. It is no application, and proves nothing. */
export interface FirstParty {
  readonly id: typeof FIRST_PARTY_CLIENT;
}

/** Who asks. `application` is null for the house itself. */
export interface Client {
  id: string;
  application: Application | null;
  /** Null where nothing was proven: a public client, or the house itself. */
  proof: AuthenticatedClient | null;
}

/** What the rules before the grant's own have found. */
export interface Ask extends Asked {
  /** `Tokens.epoch()` before anything was looked at. */
  epoch: number;
  client: Client;
  /** As `scope` has it; null when it is left out. */
  wantedScopes: readonly string[] | null;
  /** As `resource` has it; null when it is left out. */
  wantedAudience: string | null;
}

/** Who an event names: the client, which spoke for itself or for its user. */
export function actorOf({ call, client }: Pick<Ask, 'call' | 'client'>): Actor {
  return { kind: 'application', id: client.id, requestId: call.requestId, address: call.address };
}
