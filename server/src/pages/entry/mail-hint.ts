import { html, type Markup } from '../look/html.ts';
import type { Ui } from '../surface/page.ts';
import { TEXTS } from '../texts.ts';

/** Where the mail is that was just sent; a development server without a way to send keeps it. */
export function mailHint({ keepsMails, at }: Ui): Markup {
  if (!keepsMails) return html`<p class="hint">${TEXTS.mail.where}</p>`;
  return html`<p class="hint">${TEXTS.mail.kept} <a href=${at('/dev/mail')}>${TEXTS.mail.toKept}</a></p>`;
}
