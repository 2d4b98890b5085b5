import {
  type Application,
  type AuthenticatedClient,
  type ClientRequest,
  isConfidential,
} from '../../applications/index.ts';
import { OAuthFailure } from '../../failure.ts';
import type { Environment, FormCall, Principal } from '../../http/index.ts';
import type { ScopeCatalogue } from '../../scopes/index.ts';

/** Who asks about a token: an application with its own secret, or whoever brings a credential that may ask. */
export type Caller =
  | { kind: 'application'; application: Application }
  /** The operator, or a key or token that holds `tokens:introspect`. */
  | { kind: 'principal'; principal: Principal };

export interface CallerDeps {
  authenticateClient(request: ClientRequest): Promise<AuthenticatedClient>;
  /** The door, for a caller that brings a key or token. Throws what it throws. */
  enter(call: FormCall): Principal | Promise<Principal>;
}

export const INTROSPECT = 'tokens:introspect';

const BEARER = /^bearer /i;
const SECRETS = ['client_secret', 'client_assertion'];

/** RFC 7662 §2.1: no one is told anything unauthenticated (security D15). Throws `invalid_client`, `invalid_token`. */
export async function callerOf({ authenticateClient, enter }: CallerDeps, call: FormCall): Promise<Caller> {
  const brings = BEARER.test(call.authorization ?? '') || call.header('x-api-key') !== undefined;
  if (brings) {
    if (SECRETS.some((name) => call.params.has(name))) {
      throw new OAuthFailure(
        'invalid_request',
        'Use one way to say who asks: a bearer credential, or a client secret.',
      );
    }
    return { kind: 'principal', principal: await enter(call) };
  }
  const { application, method } = await authenticateClient(call);
  if (method !== 'none') return { kind: 'application', application };
  throw new OAuthFailure('invalid_client', 'A client that keeps no secret cannot ask about tokens.');
}

/** What a token says of where it belongs. */
export interface Belonging {
  /** Null for a key. */
  clientId: string | null;
  workspaceId: string | null;
  environment: Environment | null;
}

/**
 * Contract §6: the application that a token was issued to; who holds `tokens:introspect` in its workspace and environment;
 * operators. To everybody else there is no such token. Pure.
 */
export function mayKnow(catalogue: ScopeCatalogue, caller: Caller, belonging: Belonging): boolean {
  const isThere = (asking: Omit<Belonging, 'clientId'>) =>
    asking.workspaceId !== null &&
    asking.workspaceId === belonging.workspaceId &&
    asking.environment === belonging.environment;
  if (caller.kind === 'principal') return caller.principal.allWorkspaces || isThere(caller.principal);
  const { application } = caller;
  if (application.id === belonging.clientId) return true;
  return isThere(application) && isConfidential(application) && catalogue.expand(application.scopes).has(INTROSPECT);
}
