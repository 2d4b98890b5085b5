import type { Asked } from './page.ts';

/** Pages that the links of mails open. */
export type LinkPurpose = 'sign_up' | 'recover' | 'verify_email' | 'change_email' | 'invitation';

const FORM = /^[\w-]{43}$/;
const LIVES_SECONDS = 3600;
const cookieOf = (purpose: LinkPurpose) => `latchkey_link_${purpose}`;

/**
 * The token of a mail's link. It comes in the URL once, moves into a cookie, and the URL is left at once: so it stays out
 * of the history, and a scanner that opens links uses nothing up. `moved` says that the browser must come again.
 */
export function linkToken(asked: Asked, purpose: LinkPurpose): { moved: true } | { token: string } | null {
  const given = asked.query.get('token');
  if (given !== null && FORM.test(given)) {
    asked.setCookie(cookieOf(purpose), given, LIVES_SECONDS);
    return { moved: true };
  }
  const kept = asked.cookie(cookieOf(purpose));
  return kept !== undefined && FORM.test(kept) ? { token: kept } : null;
}

/** The link did its work, or never will. */
export function forgetLink(asked: Asked, purpose: LinkPurpose): void {
  asked.setCookie(cookieOf(purpose), '', 0);
}
