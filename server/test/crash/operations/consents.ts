import { createHash } from 'node:crypto';
import { type Answer, type Ending, SESSION_COOKIE } from '../api.ts';
import { perform } from '../deeds.ts';
import type { Lane, Operation } from '../lane.ts';
import { isUnanswered, type NewDeed } from '../model.ts';
import {
  type App,
  type Code,
  type Consent,
  canProve,
  type Given,
  isFresh,
  isRemembered,
  proofOf,
} from '../oauth-model.ts';
import { accessToken } from '../people-model.ts';
import { pickApp, REDIRECT } from './applications.ts';
import { maybeIdempotent, undisturbed } from './keys.ts';
import { visitor } from './people.ts';

const VERIFIER = 'the-verifier-of-every-code-in-the-crash-harness';
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');
const CONSENT_PATH = '/oauth/consent';

/** The code that a browser is sent back with; null when it is sent elsewhere. */
function codeIn(location: string | null): string | null {
  return location?.startsWith(`${REDIRECT}?`) ? new URL(location).searchParams.get('code') : null;
}

const isGiven = ({ consent }: App): boolean => consent !== null && !consent.isWithdrawn;

function noteCode(app: App, consent: Consent, text: string): void {
  app.codes.push({ text, consent, givenAtMs: Date.now(), isRedeemed: false, isUnsure: false, given: null });
  app.isTouched = true;
}

interface Question {
  browser: Map<string, string>;
  form: Record<string, string>;
}

async function visit(lane: Lane, browser: Map<string, string>, path: string): Promise<Answer | null> {
  const call = { method: 'GET', path, key: null, browser, from: visitor(lane), requestId: lane.newName() } as const;
  const ending = await lane.api.send(call);
  return isUnanswered(ending) ? null : ending;
}

/** Sends the person's browser to the server. Null: it was sent back with a code, or nothing came. */
async function askPerson(lane: Lane, app: App, scopes: readonly string[]): Promise<Question | null> {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: app.id,
    redirect_uri: REDIRECT,
    scope: scopes.join(' '),
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
  });
  const browser = new Map([[SESSION_COOKIE, lane.own.oauth.person.cookie]]);
  const first = await visit(lane, browser, `/oauth/authorize?${query}`);
  if (first === null) return null;
  const code = codeIn(first.location);
  if (code !== null && app.consent !== null && isGiven(app)) {
    noteCode(app, app.consent, code);
    return null;
  }
  const page = first.location?.startsWith(CONSENT_PATH) ? await visit(lane, browser, first.location) : first;
  if (page === null) return null;
  const hidden = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(page.text)?.[1] ?? '';
  const form = { request: hidden('request'), terms: hidden('terms'), form_token: hidden('form_token') };
  if (form.request !== '' && form.terms !== '') return { browser, form };
  lane.model.violations.push(
    `application ${app.id} asked for ${scopes.join()}, and came to ${page.status} ${page.location ?? ''}`,
  );
  return null;
}

/** The person's yes: what was allowed before, if it lives, grows. */
function allowDeed(lane: Lane, app: App, scopes: string[], { browser, form }: Question): NewDeed {
  const known = isGiven(app) ? app.consent : null;
  const grows = scopes.some((scope) => !known?.scopes.includes(scope));
  const consent: Consent = known ?? { id: null, scopes: [], isWithdrawn: false };
  return {
    operation: 'allow',
    call: {
      method: 'POST',
      path: CONSENT_PATH,
      key: null,
      browser,
      from: visitor(lane),
      form: { ...form, decision: 'allow' },
    },
    expected: 303,
    actions: known === null ? ['grant.created'] : grows ? ['grant.updated'] : [],
    subjects: [app],
    promise: ({ location, events }) => {
      const code = codeIn(location);
      if (location !== null && code === null) {
        lane.model.violations.push(`the person allowed application ${app.id}, and was sent to ${location}`);
      }
      app.isTouched = true;
      if (code === null && events.length === 0) return;
      consent.scopes = [...new Set([...consent.scopes, ...scopes])];
      app.consent = consent;
      if (code !== null) noteCode(app, consent, code);
    },
    recorded: ([event]) => {
      consent.id ??= event?.targetId ?? null;
    },
  };
}

/** What a redeemed code gave, as far as it came. */
function take(app: App, code: Code, answer: Pick<Answer, 'json'> | null): Given {
  const family = { current: answer?.json.refresh_token ?? null, parent: null, spent: [], pending: null };
  const accessTokens = answer === null ? [] : [accessToken(answer.json.access_token)];
  const given = { consent: code.consent, isEnded: false, family, accessTokens };
  app.given.push(given);
  Object.assign(code, { isRedeemed: true, given });
  app.isTouched = true;
  return given;
}

const codeCall = (lane: Lane, app: App, { text }: Code) => ({
  method: 'POST' as const,
  path: '/oauth/token',
  key: null,
  from: visitor(lane),
  form: {
    grant_type: 'authorization_code',
    code: text,
    redirect_uri: REDIRECT,
    code_verifier: VERIFIER,
    ...proofOf(app),
  },
});

async function redeem(lane: Lane, app: App, code: Code): Promise<void> {
  await perform(lane, {
    operation: 'redeem code',
    call: codeCall(lane, app, code),
    expected: 200,
    actions: ['access_token.issued'],
    subjects: [app],
    promise: ({ reply }) => void take(app, code, reply === null ? null : { json: reply }),
  });
}

const isRedeemable = (code: Code): boolean =>
  !code.isRedeemed && !code.isUnsure && !code.consent.isWithdrawn && isFresh(code);

const isThere = (app: App): boolean => app.state === 'active' && canProve(app);

/** What was allowed ends with every second redemption, and is told of by the answers so far. */
function judge(lane: Lane, app: App, code: Code, endings: readonly Ending[]): void {
  const answers = endings.filter((ending) => !isUnanswered(ending)) as Answer[];
  const given = answers.filter(({ status }) => status === 200);
  const say = (problem: string) => void lane.model.violations.push(`a code of application ${app.id} ${problem}`);
  if (given.length > 1 || (given.length === 1 && code.isRedeemed)) say('was redeemed twice');
  const wasRedeemed = code.isRedeemed;
  const [first] = given;
  if (first) take(app, code, first);
  const refusals = answers.filter(({ status }) => status !== 200);
  const refused = app.state === 'active' ? 400 : 401;
  for (const { status } of refusals) if (status !== refused) say(`was answered ${status}, not ${refused}`);
  if (!wasRedeemed && !first && isRedeemable(code) && app.state === 'active' && answers.length === endings.length) {
    say('was never redeemed, and is refused');
  }
  if (app.state !== 'active') return;
  if (code.given !== null && refusals.length > 0 && isRemembered(code)) code.given.isEnded = true;
  code.isUnsure = answers.length < endings.length || (code.isUnsure && refusals.length === 0);
  if (refusals.length > 0 && !code.isUnsure) code.isRedeemed = true;
}

/** Presents a code that may have been used: it gives nothing twice, and what it gave is over then. */
export async function redeemAgain(lane: Lane, app: App, code: Code, times = 1): Promise<void> {
  const present = () => lane.api.send({ ...codeCall(lane, app, code), requestId: lane.newName() });
  judge(lane, app, code, await Promise.all(Array.from({ length: times }, present)));
}

async function redeemNew(lane: Lane, app: App): Promise<void> {
  const code = app.codes.find(isRedeemable);
  if (!code || app.isBusy || !isThere(app)) return;
  if (lane.random.chance(85)) return redeem(lane, app, code);
  await undisturbed([app], () => redeemAgain(lane, app, code, 2));
}

const authorize: Operation = {
  name: 'allow',
  weight: 6,
  isChange: true,
  run: async (lane) => {
    const app = pickApp(lane, isThere);
    if (!app) return;
    const scopes = !app.isSelfRegistered && lane.random.chance(30) ? ['read', 'write'] : ['read'];
    app.isBusy = true;
    const question = await askPerson(lane, app, scopes);
    app.isBusy = false;
    if (question !== null) await perform(lane, allowDeed(lane, app, scopes, question));
    if (lane.random.chance(70)) await redeemNew(lane, app);
  },
};

const redeemOne: Operation = {
  name: 'redeem code',
  weight: 3,
  isChange: true,
  run: async (lane) => {
    const app = pickApp(lane, (each) => isThere(each) && each.codes.some(isRedeemable));
    if (app) await redeemNew(lane, app);
  },
};

const redeemUsed: Operation = {
  name: 'redeem code again',
  weight: 1,
  isChange: true,
  run: async (lane) => {
    const app = pickApp(lane, (each) => canProve(each) && each.codes.some(({ isRedeemed }) => isRedeemed));
    const code = lane.random.pick(app?.codes.filter(({ isRedeemed }) => isRedeemed) ?? []);
    if (app && code) await undisturbed([app], () => redeemAgain(lane, app, code));
  },
};

const withdraw: Operation = {
  name: 'withdraw consent',
  weight: 1,
  isChange: true,
  run: async (lane) => {
    const app = pickApp(lane, (each) => each.state !== 'deleted' && isGiven(each) && each.consent?.id !== null);
    const consent = app?.consent;
    if (!app || !consent) return;
    const isOwn = lane.random.chance(50);
    const by = isOwn
      ? { key: null, cookie: lane.own.oauth.person.cookie }
      : { key: lane.model.rootKey, ...maybeIdempotent(lane) };
    await perform(lane, {
      operation: 'withdraw consent',
      call: { method: 'DELETE', path: `/v1/grants/${consent.id}`, ...by },
      expected: 204,
      actions: ['grant.revoked'],
      subjects: [app],
      promise: () => {
        consent.isWithdrawn = true;
        for (const given of app.given) if (given.consent === consent) given.isEnded = true;
        app.isTouched = true;
      },
    });
  },
};

export const consentOperations: Operation[] = [authorize, redeemOne, redeemUsed, withdraw];
