import {
  BINDING_COOKIE,
  passPasskey,
  passSignIn,
  readAssertion,
  requirePerson,
  startSession,
} from '../../accounts/index.ts';
import { Failure } from '../../failure.ts';
import type { PageRoute } from '../../http/index.ts';
import { entryPage } from '../look/entry-page.ts';
import { field, form, note, submit, wholeProblem } from '../look/form.ts';
import { html } from '../look/html.ts';
import { passkeyForm } from '../look/passkey-form.ts';
import type { Answer, Asked, Pages, PagesDeps } from '../surface/page.ts';
import { atField, missing, type Problem, problemOf, withProblem } from '../surface/problem.ts';
import { returnTo } from '../surface/return-to.ts';
import { TEXTS } from '../texts.ts';
import { keepChallenge } from './second-factor.ts';
import { pathAfter, wayIn } from './way-in.ts';

const texts = TEXTS.signIn;
const DONE: Readonly<Record<string, string>> = texts.done;

/** `present`: who is signed in, and has to prove it anew for an application. */
function draw(asked: Asked, problem: Problem | null = null, present: string | null = null): Answer {
  const { ui, form: typed, query, wayOut } = asked;
  const goOn = { return_to: wayIn(asked) };
  const done = DONE[query.get('done') ?? ''];
  const forgot = html`<a href=${pathAfter(asked, '/recover')}>${texts.forgot}</a>`;
  const passkey = passkeyForm(ui, {
    action: '/sign-in/passkey',
    optionsPath: '/v1/account/sign-in/passkey/options',
    does: 'get',
    button: texts.byPasskey,
    hidden: goOn,
  });
  const document = entryPage(ui, {
    title: present === null ? texts.title : texts.titleAgain,
    lead: wayOut && (present === null ? texts.goesOnTo : texts.wantedBy)(wayOut.name),
    hasProblem: problem !== null,
    usesPasskeys: true,
    body: html`
      ${done && note(done)} ${wholeProblem(problem)}
      ${form(ui, {
        action: '/sign-in',
        hidden: goOn,
        children: html`
          ${field({
            name: 'username',
            label: TEXTS.fields.email,
            type: 'email',
            inputmode: 'email',
            autocomplete: 'username webauthn',
            value: typed.get('username') ?? query.get('login_hint') ?? present ?? undefined,
            problem,
            isFirst: present === null,
            maxLength: 254,
          })}
          ${field({
            name: 'password',
            label: TEXTS.fields.password,
            type: 'password',
            autocomplete: 'current-password',
            isFirst: present !== null,
            way: forgot,
            problem,
          })}
          ${submit(texts.submit)}
        `,
      })}
      <div class="or" hidden data-needs-passkeys><span>${texts.or}</span></div>
      ${passkey}
    `,
    foot: ui.isSignUpOpen
      ? html`${texts.newHere} <a href=${pathAfter(asked, '/sign-up')}>${texts.signUp}</a>`
      : undefined,
  });
  return withProblem(document, problem);
}

/** A wrong address and a wrong password are told in the same words, at the same place (security K1). */
function problemAtSignIn(error: unknown): Problem {
  const problem = problemOf(error);
  const isWrong = error instanceof Failure && error.code === 'invalid_credentials';
  return isWrong ? atField(problem, 'password', texts.wrong) : problem;
}

async function signIn({ people }: PagesDeps, asked: Asked): Promise<Answer> {
  const { form: typed, visit, replaces } = asked;
  const empty = missing(typed, ['username', 'password']);
  if (empty) return draw(asked, empty);
  const input = { email: typed.get('username') ?? '', password: typed.get('password') ?? '' };
  if (input.email.length > 254 || input.password.length > 512) {
    return draw(asked, { status: 422, fields: { password: texts.wrong }, whole: null });
  }
  try {
    const passed = await passSignIn(people, visit, input, (tx, proof) =>
      startSession(people, tx, visit, proof, { replaces }),
    );
    if (passed.kind === 'second_factor') {
      keepChallenge(asked, passed);
      return { goTo: pathAfter(asked, '/sign-in/second-factor') };
    }
    asked.begin(passed.result);
    return { goTo: wayIn(asked) };
  } catch (error) {
    return draw(asked, problemAtSignIn(error));
  }
}

async function signInByPasskey({ people }: PagesDeps, asked: Asked): Promise<Answer> {
  const { form: typed, visit, replaces } = asked;
  try {
    const binding = asked.cookie(BINDING_COOKIE);
    if (binding === undefined) throw new Failure('invalid_credentials');
    const response = readAssertion(typed.get('credential') ?? '');
    const started = await passPasskey(people, visit, { response, binding }, (tx, proof) =>
      startSession(people, tx, visit, proof, { replaces }),
    );
    asked.setCookie(BINDING_COOKIE, '', 0);
    asked.begin(started);
    return { goTo: wayIn(asked) };
  } catch (error) {
    const problem = problemOf(error);
    return draw(asked, problem.whole === null ? { ...problem, whole: TEXTS.passkeys.failed } : problem);
  }
}

export function signInPages(deps: PagesDeps, { open }: Pages): PageRoute[] {
  return [
    open('GET', '/sign-in', async (asked) => {
      const here = returnTo(asked.query.get('return_to'), asked.ui.at('/account'));
      const again = asked.query.get('again');
      if (asked.session === null || again === '1') return draw(asked);
      if (again !== 'fresh') return { goTo: here };
      const { email } = await requirePerson(deps.people, asked.session.userId);
      return draw(asked, null, email);
    }),
    open('POST', '/sign-in', (asked) => signIn(deps, asked)),
    open('POST', '/sign-in/passkey', (asked) => signInByPasskey(deps, asked)),
  ];
}
