import { proveAgain, proveByPasskey, readAssertion, readOwnAccount } from '../../accounts/index.ts';
import { Failure } from '../../failure.ts';
import type { PageRoute } from '../../http/index.ts';
import { field, form, submit } from '../look/form.ts';
import { html } from '../look/html.ts';
import { passkeyForm } from '../look/passkey-form.ts';
import type { Answer, AskedByPerson, Pages, PagesDeps } from '../surface/page.ts';
import { atField, missing, type Problem, problemOf } from '../surface/problem.ts';
import { returnTo } from '../surface/return-to.ts';
import { TEXTS } from '../texts.ts';
import { step } from './step.ts';

const texts = TEXTS.proof;

const way = ({ form: typed, query, ui }: AskedByPerson) =>
  returnTo(typed.get('return_to') ?? query.get('return_to'), ui.at('/account'));

async function draw(deps: PagesDeps, asked: AskedByPerson, problem: Problem | null = null): Promise<Answer> {
  const { person, totpSinceMs, passkeys } = await readOwnAccount(deps.people, asked.signed);
  const needsCode = totpSinceMs !== null || passkeys.length > 0;
  const hidden = { return_to: way(asked) };
  const passwordForm = form(asked.ui, {
    action: '/account/proof',
    hidden: { ...hidden, username: person.email },
    children: html`
      ${field({
        name: 'password',
        label: TEXTS.fields.password,
        type: 'password',
        autocomplete: 'current-password',
        problem,
        isFirst: true,
      })}
      ${
        needsCode &&
        field({
          name: 'otp',
          label: texts.code,
          autocomplete: 'one-time-code',
          hint: totpSinceMs === null ? texts.backupHint : texts.codeHint,
          problem,
          isCode: true,
          maxLength: 40,
        })
      }
      ${submit(texts.submit)}
    `,
  });
  const passkey = passkeyForm(asked.ui, {
    action: '/account/proof/passkey',
    optionsPath: '/v1/account/session/proof/passkey/options',
    does: 'get',
    button: texts.byPasskey,
    hidden,
  });
  return step(deps, asked, {
    title: texts.title,
    lead: texts.lead,
    problem,
    usesPasskeys: passkeys.length > 0,
    body: html`
      ${person.password_hash !== null && passwordForm}
      ${passkeys.length > 0 && html`<div class="or" hidden data-needs-passkeys><span>${TEXTS.signIn.or}</span></div> ${passkey}`}
      ${person.password_hash === null && passkeys.length === 0 && html`<p class="note warning">${texts.neither}</p>`}
    `,
  });
}

/** Which field was wrong: the verb says so in its words. */
function problemAtProof(error: unknown): Problem {
  const problem = problemOf(error);
  if (!(error instanceof Failure)) return problem;
  if (error.code === 'mfa_required') return atField(problem, 'otp', TEXTS.errors.empty);
  if (error.code !== 'invalid_credentials') return problem;
  const isPassword = error.message === 'The password is wrong.';
  return isPassword ? atField(problem, 'password', texts.wrongPassword) : atField(problem, 'otp', texts.wrongCode);
}

async function prove(deps: PagesDeps, asked: AskedByPerson): Promise<Answer> {
  const empty = missing(asked.form, ['password']);
  if (empty) return draw(deps, asked, empty);
  const otp = (asked.form.get('otp') ?? '').trim().slice(0, 64) || undefined;
  try {
    await proveAgain(deps.people, asked.visit, asked.signed, { password: asked.form.get('password') ?? '', otp });
    return { goTo: way(asked) };
  } catch (error) {
    return draw(deps, asked, problemAtProof(error));
  }
}

async function proveWithPasskey(deps: PagesDeps, asked: AskedByPerson): Promise<Answer> {
  try {
    const response = readAssertion(asked.form.get('credential') ?? '');
    await proveByPasskey(deps.people, asked.visit, asked.signed, { response });
    return { goTo: way(asked) };
  } catch (error) {
    const problem = problemOf(error);
    return draw(deps, asked, { ...problem, whole: problem.whole ?? TEXTS.passkeys.failed });
  }
}

/** Before what protects an account is changed, the person shows once more that they are there. */
export function proofPages(deps: PagesDeps, { own }: Pages): PageRoute[] {
  return [
    own('GET', '/account/proof', (asked) => draw(deps, asked)),
    own('POST', '/account/proof', (asked) => prove(deps, asked)),
    own('POST', '/account/proof/passkey', (asked) => proveWithPasskey(deps, asked), '/account/proof'),
  ];
}
