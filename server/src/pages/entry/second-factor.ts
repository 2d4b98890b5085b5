import {
  endedChallenge,
  passPasskeyFactor,
  passSecondFactor,
  readAssertion,
  type SecondFactorNeeded,
  startSession,
} from '../../accounts/index.ts';
import { Failure } from '../../failure.ts';
import type { PageRoute } from '../../http/index.ts';
import { entryPage } from '../look/entry-page.ts';
import { field, form, submit, wholeProblem } from '../look/form.ts';
import { html, type Markup } from '../look/html.ts';
import { passkeyForm } from '../look/passkey-form.ts';
import type { Answer, Asked, Pages, PagesDeps } from '../surface/page.ts';
import { atField, missing, type Problem, problemOf, withProblem } from '../surface/problem.ts';
import { TEXTS } from '../texts.ts';
import { pathAfter, wayIn } from './way-in.ts';

const texts = TEXTS.secondFactor;
const CHALLENGE_COOKIE = 'latchkey_challenge';
const CHALLENGE_SECONDS = 600;
const FORM = /^([\w-]{43})\.([a-z_.]*)$/;

/** The challenge waits in a cookie, so that no URL and no page holds it. Which factors there are only says what to draw. */
export function keepChallenge(asked: Asked, { challenge, methods }: SecondFactorNeeded): void {
  asked.setCookie(CHALLENGE_COOKIE, `${challenge}.${methods.join('.')}`, CHALLENGE_SECONDS);
}

function openChallenge(asked: Asked): { challenge: string; methods: string[] } | null {
  const [, challenge, methods = ''] = FORM.exec(asked.cookie(CHALLENGE_COOKIE) ?? '') ?? [];
  return challenge === undefined ? null : { challenge, methods: methods.split('.') };
}

interface Open {
  challenge: string;
  methods: string[];
}

function codeForm(asked: Asked, problem: Problem | null): Markup {
  const { ui, query, form: typed } = asked;
  const isBackup = (typed.get('by') ?? query.get('by')) === 'backup_code';
  const kind = isBackup ? texts.backup : texts.app;
  return form(ui, {
    action: '/sign-in/second-factor',
    hidden: { return_to: wayIn(asked), by: isBackup ? 'backup_code' : 'otp' },
    children: html`
      ${field({
        name: 'otp',
        label: kind.label,
        autocomplete: isBackup ? 'off' : 'one-time-code',
        inputmode: isBackup ? 'text' : 'numeric',
        hint: kind.hint,
        problem,
        isFirst: true,
        isCode: true,
        maxLength: 40,
      })}
      ${submit(texts.submit)}
    `,
  });
}

function otherWays(asked: Asked, methods: readonly string[]): Markup {
  const { ui, query, form: typed } = asked;
  const isBackup = (typed.get('by') ?? query.get('by')) === 'backup_code';
  const way = encodeURIComponent(wayIn(asked));
  const here = (by: string) => `${ui.at('/sign-in/second-factor')}?by=${by}&return_to=${way}`;
  const links = [
    ...(isBackup && methods.includes('otp') ? [html`<a href=${here('otp')}>${texts.useApp}</a>`] : []),
    ...(isBackup ? [] : [html`<a href=${here('backup_code')}>${texts.useBackup}</a>`]),
    html`<a href=${pathAfter(asked, '/sign-in')}>${texts.startOver}</a>`,
  ];
  return html`<ul class="ways">${links.map((link) => html`<li>${link}</li>`)}</ul>`;
}

function draw(asked: Asked, { challenge, methods }: Open, problem: Problem | null = null): Answer {
  const { ui, query, form: typed } = asked;
  const isBackup = (typed.get('by') ?? query.get('by')) === 'backup_code';
  const hasPasskey = methods.includes('passkey') && !isBackup;
  const hasCode = methods.includes('otp') || isBackup;
  const passkey = passkeyForm(ui, {
    action: '/sign-in/second-factor/passkey',
    optionsPath: '/v1/account/sign-in/second-factor/passkey/options',
    does: 'get',
    button: texts.byPasskey,
    challenge,
    hidden: { return_to: wayIn(asked) },
    isPrimary: !hasCode,
  });
  const document = entryPage(ui, {
    title: texts.title,
    lead: isBackup ? texts.backup.lead : hasCode ? texts.app.lead : texts.passkeyLead,
    hasProblem: problem !== null,
    usesPasskeys: hasPasskey,
    body: html`
      ${wholeProblem(problem)} ${hasCode && codeForm(asked, problem)}
      ${hasPasskey && hasCode && html`<div class="or" hidden data-needs-passkeys><span>${TEXTS.signIn.or}</span></div>`}
      ${hasPasskey && passkey}
      ${hasPasskey && !hasCode && html`<p class="hint" data-without-passkeys>${TEXTS.passkeys.needScript}</p>`}
    `,
    foot: otherWays(asked, methods),
  });
  return withProblem(document, problem);
}

const isOver = (error: unknown) =>
  error instanceof Failure && error.code === 'invalid_credentials' && error.message === endedChallenge().message;

async function answerCode({ people }: PagesDeps, asked: Asked, open: Open): Promise<Answer> {
  const empty = missing(asked.form, ['otp']);
  if (empty) return draw(asked, open, empty);
  const { visit, replaces } = asked;
  const answer = { challenge: open.challenge, otp: (asked.form.get('otp') ?? '').slice(0, 64) };
  try {
    const started = await passSecondFactor(people, visit, answer, (tx, proof) =>
      startSession(people, tx, visit, proof, { replaces }),
    );
    asked.setCookie(CHALLENGE_COOKIE, '', 0);
    asked.begin(started);
    return { goTo: wayIn(asked) };
  } catch (error) {
    if (isOver(error)) return { goTo: asked.ui.at('/sign-in?done=over') };
    const problem = problemOf(error);
    return draw(asked, open, problem.whole === null ? atField(problem, 'otp', texts.wrong) : problem);
  }
}

async function answerPasskey({ people }: PagesDeps, asked: Asked, { challenge, methods }: Open): Promise<Answer> {
  const { visit, replaces } = asked;
  try {
    const response = readAssertion(asked.form.get('credential') ?? '');
    const started = await passPasskeyFactor(people, visit, { challenge, response }, (tx, proof) =>
      startSession(people, tx, visit, proof, { replaces }),
    );
    asked.setCookie(CHALLENGE_COOKIE, '', 0);
    asked.begin(started);
    return { goTo: wayIn(asked) };
  } catch (error) {
    if (isOver(error)) return { goTo: asked.ui.at('/sign-in?done=over') };
    const problem = problemOf(error);
    return draw(asked, { challenge, methods }, { ...problem, whole: problem.whole ?? TEXTS.passkeys.failed });
  }
}

export function secondFactorPages(deps: PagesDeps, { open }: Pages): PageRoute[] {
  const withChallenge = (next: (asked: Asked, open: Open) => Answer | Promise<Answer>) => async (asked: Asked) => {
    const waiting = openChallenge(asked);
    return waiting === null ? { goTo: pathAfter(asked, '/sign-in') } : next(asked, waiting);
  };
  return [
    open('GET', '/sign-in/second-factor', withChallenge(draw)),
    open(
      'POST',
      '/sign-in/second-factor',
      withChallenge((asked, waiting) => answerCode(deps, asked, waiting)),
    ),
    open(
      'POST',
      '/sign-in/second-factor/passkey',
      withChallenge((asked, waiting) => answerPasskey(deps, asked, waiting)),
    ),
  ];
}
