import type { OAuthFacts } from '../facts.ts';
import type { Lane } from '../lane.ts';
import type { LaneModel, Model } from '../model.ts';
import { type App, canProve, codeHashOf, knownGiven, livingGiven } from '../oauth-model.ts';
import { askForItself, readRegistration, speaksForItself } from '../operations/applications.ts';
import { redeemAgain } from '../operations/consents.ts';
import { presentToken, refreshAgain, refreshEnded, refreshNew, tokensOf } from '../operations/oauth-tokens.ts';
import { type Check, type CheckContext, forAll } from './check.ts';

/** Of each application that did not change lately, and of what each was given. */
const SAMPLE = 1;
const NEWEST = 4;

type Say = (problem: string) => void;

function compareApp(app: App, facts: OAuthFacts, say: Say): void {
  const rows = facts.applications.filter(({ id }) => id === app.id);
  const isThere = app.state !== 'deleted';
  if (rows.length !== Number(isThere)) return void say(`is ${app.state}, and is there ${rows.length} times`);
  const isDisabled = Number(rows[0]?.disabled ?? 0) === 1;
  if (isThere && isDisabled !== (app.state === 'disabled')) say(`should be ${app.state}, and is not`);
  const isRegistered = facts.registrations.some(({ client_id }) => client_id === app.id);
  if (isRegistered !== (isThere && app.isSelfRegistered)) say(`${isRegistered ? 'has' : 'lost'} a registration`);
}

/** What one person allows it: one grant or none, with all that was said yes to. */
function compareGrant(app: App, { oauth: { person } }: LaneModel, facts: OAuthFacts, say: Say): void {
  const grants = facts.grants.filter(({ client_id, user_id }) => client_id === app.id && user_id === person.id);
  const consent = app.consent?.isWithdrawn === false ? app.consent : null;
  const shown = (scopes: readonly string[]) => [...scopes].sort().join(' ');
  const expected = consent === null ? [] : [`${consent.id} ${shown(consent.scopes)}`];
  const found = grants.map(({ id, scopes }) => `${id} ${shown(JSON.parse(String(scopes)) as string[])}`);
  if (found.join() !== expected.join()) {
    say(`should be allowed ${expected.join() || 'nothing'}, and is allowed ${found.join() || 'nothing'}`);
  }
}

/** A code that was redeemed is marked as such for as long as it is kept. */
function compareCodes({ codes }: App, usedAt: ReadonlyMap<unknown, unknown>, say: Say): void {
  for (const code of codes) {
    if (code.isRedeemed && code.given !== null && usedAt.get(codeHashOf(code)) === null) {
      say('redeemed a code that can be redeemed again');
    }
  }
}

/** The tables of OAuth against the model, for every application. */
export const oauthTablesSayTheSame: Check = async ({ model, facts: { oauth: facts, events } }) => {
  const usedAt = new Map(facts.codes.map(({ code_hash, used_at }) => [code_hash, used_at]));
  for (const lane of model.lanes) {
    for (const app of lane.oauth.apps.filter(({ isBusy }) => !isBusy)) {
      const say: Say = (problem) => void model.violations.push(`application ${app.id} of ${lane.name} ${problem}`);
      compareApp(app, facts, say);
      if (app.state !== 'deleted') compareGrant(app, lane, facts, say);
      compareCodes(app, usedAt, say);
    }
  }
  compareStrangers(model, facts);
  const ended = events.flatMap(({ action, data }) => (action === 'authorization_code.reused' ? [data.family_id] : []));
  if (new Set(ended).size < ended.length) model.violations.push('the second use of a code was told of twice');
};

function compareStrangers(model: Model, facts: OAuthFacts): void {
  const known = new Set(model.lanes.flatMap(({ oauth }) => oauth.apps.map(({ id }) => id)));
  for (const { id, name } of facts.applications) {
    if (/^crash-/.test(String(name)) && !known.has(String(id))) {
      model.violations.push(`the application ${id} is there, and nobody asked for it`);
    }
  }
  const there = new Set(facts.applications.map(({ id }) => id));
  for (const { client_id: id } of facts.registrations) {
    if (!there.has(id)) model.violations.push(`the registration of ${id} is there without its application`);
  }
  for (const { id } of facts.orphans) model.violations.push(`the refresh tokens ${id} live on without their grant`);
}

/** What became of a code is sure once it was presented after the restart; what it gave is over then. */
async function presentCodes({ random, isLast }: CheckContext, lane: Lane, app: App): Promise<void> {
  if (!canProve(app)) return;
  for (const code of app.codes.filter(({ isUnsure }) => isUnsure)) await redeemAgain(lane, app, code, 1);
  for (const code of app.codes.slice(-NEWEST)) {
    const isOver = code.consent.isWithdrawn || app.state !== 'active' || code.given?.isEnded === true;
    if (isOver || (code.isRedeemed && (isLast || random.chance(25)))) await redeemAgain(lane, app, code);
  }
}

/** Presents everything that an application ever had: all that lives is let in, and nothing else. */
async function present(context: CheckContext, lane: Lane, app: App): Promise<void> {
  if (app.isBusy) return;
  for (const each of tokensOf(app).slice(-2 * NEWEST)) await presentToken(lane, app, each);
  const living = app.state === 'active' && canProve(app) ? livingGiven(app) : [];
  for (const given of living.slice(-NEWEST)) {
    await refreshAgain(lane, app, given);
    await refreshAgain(lane, app, given);
  }
  const newest = living.findLast(({ family }) => family.pending === null);
  if (newest) await refreshNew(lane, app, newest);
  await presentCodes(context, lane, app);
  if (canProve(app)) {
    const ended = knownGiven(app).filter(({ isEnded }) => isEnded);
    for (const given of ended.slice(-NEWEST)) await refreshEnded(lane, app, given);
  }
  for (const each of tokensOf(app).slice(-NEWEST)) await presentToken(lane, app, each);
  if (speaksForItself(app)) await askForItself(lane, app);
  await readRegistration(lane, app);
  app.isTouched = false;
}

export const oauthIsAsPromised: Check = async (context) => {
  const { lanes, random, isLast } = context;
  const chosen = lanes.flatMap((lane) => {
    const { apps } = lane.own.oauth;
    const sample = Array.from({ length: SAMPLE }, () => random.pick(apps)).filter((app) => app !== undefined);
    const some = new Set([...apps.filter(({ isTouched }) => isTouched), ...sample]);
    return (isLast ? apps : [...some]).map((app) => ({ lane, app }));
  });
  await forAll(chosen, ({ lane, app }) => present(context, lane, app));
};
