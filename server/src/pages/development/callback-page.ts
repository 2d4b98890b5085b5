import { Type } from 'typebox';
import { refuseForeignHost } from '../../accounts/index.ts';
import { nullable, type Route, readsPages, route } from '../../http/index.ts';
import { brandMark, drawDocument } from '../look/document.ts';
import { html, type Markup } from '../look/html.ts';
import { type PagesDeps, plainUi } from '../surface/page.ts';
import { pageHeaders } from '../surface/page-headers.ts';
import { TEXTS } from '../texts.ts';

const texts = TEXTS.devCallback;
const Text = Type.String({ maxLength: 4000 });
const query = Type.Object({
  code: Type.Optional(Text),
  state: Type.Optional(Text),
  iss: Type.Optional(Text),
  error: Type.Optional(Text),
  error_description: Type.Optional(Text),
});
const reply = Type.Object({
  code: nullable(Type.String()),
  state: nullable(Type.String()),
  iss: nullable(Type.String()),
  error: nullable(Type.String()),
  error_description: nullable(Type.String()),
  redeem: nullable(Type.String()),
});

/** What stands in a shell as it is. */
const PLAIN = /^[A-Za-z0-9_-]{1,200}$/;

/** The call that redeems the code, for a shell; null for what is no code of ours. */
function redeemLine(code: string | undefined, issuer: string): string | null {
  if (code === undefined || !PLAIN.test(code)) return null;
  const form = ['grant_type=authorization_code', `code=${code}`, `redirect_uri=${issuer}/dev/callback`];
  return `curl -u "$CLIENT_ID:$CLIENT_SECRET" ${form.map((each) => `-d ${each}`).join(' ')} ${issuer}/oauth/token`;
}

type Arrived = Record<'code' | 'state' | 'iss' | 'error' | 'error_description' | 'redeem', string | null>;

function body({ code, redeem, ...arrived }: Arrived): Markup {
  const facts = Object.entries({ code, ...arrived }).filter(([, value]) => value !== null);
  return html`
    <h1>${code === null ? texts.refused : texts.title}</h1>
    <p class="lead">${code === null ? texts.refusedLead : texts.lead}</p>
    ${redeem && html`<p class="hint">${texts.redeem}</p><p class="secret"><code>${redeem}</code></p>`}
    <dl class="facts">${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd><code>${value}</code></dd></div>`)}</dl>
  `;
}

/** `/dev/callback`: where the demo application is sent back to. Shows what came, and how to go on. */
export function callbackRoute(deps: PagesDeps): Route {
  const headers = pageHeaders(deps.brand);
  return route({
    method: 'GET',
    path: '/dev/callback',
    mounts: ['bare'],
    access: { scope: null, root: 'only', loopback: true, isFree: true },
    tag: 'development',
    summary: 'Where the demo application is sent back to: the code, and the call that redeems it',
    query,
    reply,
    handler: ({ query: came, header, setHeader }) => {
      refuseForeignHost(header('host'));
      const issuer = deps.people.issuer();
      const { code = null, state = null, iss = null, error = null, error_description = null } = came;
      const arrived = { code, state, iss, error, error_description, redeem: redeemLine(came.code, issuer) };
      if (!readsPages({ header })) return arrived;
      for (const [name, value] of Object.entries(headers)) setHeader(name, value);
      const ui = plainUi(deps);
      const document = drawDocument(ui, {
        title: texts.title,
        body: html`
          <body class="account">
            <header class="bar"><a class="brand" href=${ui.at('/')}>${brandMark(ui)}</a></header>
            <main>${body(arrived)}</main>
          </body>
        `,
      });
      // The schema is that of the JSON reply; what is text already is sent as it is.
      return document as never;
    },
  });
}
