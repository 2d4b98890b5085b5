import { isConfidential } from '../../../applications/index.ts';
import { refuse } from '../authorization-error.ts';
import type { Step } from './step.ts';

/** The base64url of a SHA-256, which is what S256 makes (RFC 7636 §4.2). */
const CHALLENGE = /^[\w-]{43}$/;

/**
 * RFC 7636 §4.3, §4.4.1: S256 alone, for everybody who keeps no secret and wherever it is required (security A7, A8). A
 * method left out means `plain`, which protects nothing.
 */
export const pkce: Step = ({ params, application }) => {
  const challenge = params.get('code_challenge');
  const method = params.get('code_challenge_method');
  if (challenge === null) {
    if (method !== null) return refuse('invalid_request', 'code_challenge is missing.');
    const mustHave = application.requirePkce || !isConfidential(application);
    return mustHave ? refuse('invalid_request', 'code_challenge is required, with code_challenge_method S256.') : {};
  }
  if (method !== 'S256') return refuse('invalid_request', 'code_challenge_method must be S256.');
  if (!CHALLENGE.test(challenge)) {
    return refuse('invalid_request', 'code_challenge must be the base64url of a SHA-256: 43 characters.');
  }
  return { codeChallenge: challenge };
};
