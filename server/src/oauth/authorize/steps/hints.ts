import { refuse } from '../authorization-error.ts';
import type { Step } from './step.ts';

const LONGEST_LOGIN_HINT = 254;

/** OpenID Connect Core §3.1.2.1: who is expected, by an ID token of ours (security A19), and what to write into the form. */
export const hints: Step = ({ params, application, facts }) => {
  const loginHint = params.get('login_hint')?.slice(0, LONGEST_LOGIN_HINT) ?? null;
  const idToken = params.get('id_token_hint');
  if (idToken === null) return { loginHint };
  const hintedUserId = facts.readHint(idToken, application.id);
  if (hintedUserId !== null) return { loginHint, hintedUserId };
  return refuse('invalid_request', 'id_token_hint is no ID token that was given to this application.');
};
