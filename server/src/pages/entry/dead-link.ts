import { entryPage } from '../look/entry-page.ts';
import { html } from '../look/html.ts';
import { forgetLink, type LinkPurpose } from '../surface/mail-link.ts';
import type { Answer, Asked } from '../surface/page.ts';
import { TEXTS } from '../texts.ts';

const AGAIN: Record<LinkPurpose, string> = {
  sign_up: '/sign-up',
  recover: '/recover',
  verify_email: '/account/email',
  change_email: '/account/email',
  invitation: '/account/workspaces',
};

/** A link that was used, replaced or is too old: what that means, and where there is a new one. */
export function deadLink(asked: Asked, purpose: LinkPurpose): Answer {
  forgetLink(asked, purpose);
  const { ui } = asked;
  const { title, lead, again } = TEXTS.deadLink[purpose];
  const body = html`<p class="actions"><a class="button primary" href=${ui.at(AGAIN[purpose])}>${again}</a></p>`;
  return { document: entryPage(ui, { title, lead, body }), status: 410 };
}
