import type { Application } from '../../applications/index.ts';
import { OAuthFailure } from '../../failure.ts';
import type { Ask } from './ask.ts';

/** The application that asks; the house itself has no other grant than its logins. */
export function applicationOf({ client: { application } }: Pick<Ask, 'client'>): Application {
  if (application) return application;
  throw new OAuthFailure('unauthorized_client', 'Only an application may use this grant.');
}
