import type { Application } from '../../applications/index.ts';
import type { ScopeCatalogue } from '../../scopes/index.ts';
import type { Grant } from './grant.ts';

export interface ConsentQuestion {
  application: Pick<Application, 'consent' | 'isSelfRegistered'>;
  /** What the person allowed this application before, in this workspace for this resource. */
  grant: Pick<Grant, 'scopes' | 'redirects'> | null;
  /** What it would get now. */
  scopes: readonly string[];
  /**
   * Where it would be answered, when that says little of who it is: any program on the person's device listens at a
   * loopback address (RFC 8252 §8.6), and anybody registers themselves. Null for what somebody vouched for.
   */
  unproved: string | null;
  /** The request itself asks for the question. */
  isAskedFor: boolean;
}

/** `ask` the person; or it is `remembered` that they said yes; or `implied`, by an operator who trusts the application. */
export type ConsentNeed = 'ask' | 'remembered' | 'implied';

/**
 * Whether the person must be asked. Those that an operator trusts are not asked about, but never who registered itself
 * (security A15); what was allowed is remembered, and more of it is asked again, as is a new place to answer at (security
 * A16). Pure.
 */
export function consentNeeded(catalogue: ScopeCatalogue, question: ConsentQuestion): ConsentNeed {
  const { application, grant, scopes, unproved, isAskedFor } = question;
  const isTrusted = application.consent === 'skip' && !application.isSelfRegistered;
  const isEnough = grant !== null && catalogue.beyond(scopes, catalogue.expand(grant.scopes)).length === 0;
  if (isAskedFor) return 'ask';
  if (isTrusted) return isEnough ? 'remembered' : 'implied';
  const isKnownPlace = unproved === null || grant?.redirects.includes(unproved);
  return isEnough && isKnownPlace ? 'remembered' : 'ask';
}
