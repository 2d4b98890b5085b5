import type { GrantType } from '../../applications/index.ts';
import type { Tx } from '../../database/index.ts';
import type { Ask } from './ask.ts';
import type { FirstOfConsent, KeptRefusal, NextOfFamily, NextOfLogin, TokenAlone } from './entitlement.ts';

/**
 * One way to get tokens, as it plugs into the token endpoint. It says only what may be given: who the client is, whether
 * it is registered for this, scope, resource, minting, audit and metrics are the same for all and not its business.
 */
export type Grant = FreeGrant | StoredGrant;

/** Uses nothing up, so it needs no transaction. */
export interface FreeGrant {
  readonly type: GrantType;
  readonly isStored: false;
  entitle(ask: Ask): TokenAlone | NextOfLogin;
}

/** Uses something up, in one transaction with what it gives: what is thrown there leaves everything as it was. */
export type Redeem = (tx: Tx) => Promise<FirstOfConsent | NextOfFamily | TokenAlone | KeptRefusal>;

export interface StoredGrant {
  readonly type: GrantType;
  readonly isStored: true;
  /** Looks at all that needs no transaction; the rest is what it returns. */
  entitle(ask: Ask): Redeem | Promise<Redeem>;
}
