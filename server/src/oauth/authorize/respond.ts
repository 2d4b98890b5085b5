import type { Application } from '../../applications/index.ts';
import type { AuthorizationError } from './authorization-error.ts';
import type { AuthorizeDeps } from './deps.ts';
import type { Outcome } from './outcome.ts';
import type { ReturnAddress } from './request.ts';
import { linkTo, responseTo } from './response.ts';

/**
 * An error for the application. One that registered itself gets it only from a person who follows the link: else a link to
 * us would be a link to wherever somebody likes (RFC 9700 §4.11.2, security A21).
 */
export function refused(
  { issuer }: AuthorizeDeps,
  application: Application,
  address: ReturnAddress,
  error: AuthorizationError,
): Outcome {
  const response = responseTo(address, issuer(), error);
  if (!application.isSelfRegistered) return { kind: 'answer', response, error: error.error };
  return { kind: 'refused', ...error, application, link: linkTo(response) };
}
