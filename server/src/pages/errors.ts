import type { Failure } from '../failure.ts';
import type { PageCall, PageReply } from '../http/index.ts';
import { entryPage } from './look/entry-page.ts';
import { html } from './look/html.ts';
import { type PagesDeps, plainUi } from './surface/page.ts';
import { pageHeaders } from './surface/page-headers.ts';
import { TEXTS } from './texts.ts';

/** A refusal as a page: what happened, what to do, and the id to ask about it. */
export function createFailurePage(deps: PagesDeps): (failure: Failure, call: PageCall) => PageReply {
  const headers = pageHeaders(deps.brand);
  return (failure, { requestId }) => {
    const ui = plainUi(deps);
    const status = failure.status === 401 ? 403 : failure.status;
    const known = TEXTS.errors.pages[status] ?? TEXTS.errors.pages.other;
    const { retryAfterSeconds, allow } = failure.details;
    const document = entryPage(ui, {
      title: known?.title ?? failure.message,
      lead: known?.lead ?? failure.message,
      body: html`<p class="actions"><a class="button primary" href=${ui.at('/')}>${TEXTS.errors.back}</a></p>`,
      foot: html`<code class="request-id">${TEXTS.errors.requestId(requestId)}</code>`,
    });
    const more: Record<string, string> = {};
    if (retryAfterSeconds !== undefined) more['retry-after'] = String(Math.max(1, Math.ceil(retryAfterSeconds)));
    if (allow) more.allow = allow.join(', ');
    return { status, headers: { ...headers, ...more }, cookies: [], body: document };
  };
}
