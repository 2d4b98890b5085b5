import { perform } from '../deeds.ts';
import type { Lane, Operation } from '../lane.ts';
import { isUnanswered } from '../model.ts';
import { type App, canProve, type Given, isTokenGood, knownGiven, livingGiven, proofOf } from '../oauth-model.ts';
import { type AccessToken, accessToken } from '../people-model.ts';
import { pickApp } from './applications.ts';
import { undisturbed } from './keys.ts';
import { visitor } from './people.ts';

/** A used token may be presented again for 30 s; a retry that is so late is not sure to be in time. */
const RETRY_WITHIN_MS = 20_000;

const refreshCall = (lane: Lane, app: App, text: string) => ({
  method: 'POST' as const,
  path: '/oauth/token',
  key: null,
  from: visitor(lane),
  form: { grant_type: 'refresh_token', refresh_token: text, ...proofOf(app) },
});

/** Uses a refresh token that nobody used before: one that keeps a secret gets the same back, all others the next. */
export async function refreshNew(lane: Lane, app: App, { family, accessTokens }: Given): Promise<void> {
  const text = family.current;
  if (text === null) return;
  const sinceMs = Date.now();
  await perform(lane, {
    operation: 'refresh by application',
    call: refreshCall(lane, app, text),
    expected: 200,
    actions: ['access_token.issued'],
    subjects: [app],
    promise: ({ reply }) => {
      app.isTouched = true;
      if (reply !== null) accessTokens.push(accessToken(reply.access_token));
      const successor: string | undefined = reply?.refresh_token;
      if (app.isConfidential) {
        if (reply !== null && successor !== text)
          lane.model.violations.push(`application ${app.id} keeps a secret, and was given another refresh token`);
        return;
      }
      if (successor === undefined) Object.assign(family, { current: null, parent: null, pending: { text, sinceMs } });
      else Object.assign(family, { current: successor, parent: { text, successor, sinceMs, untilMs: Date.now() } });
    },
  });
}

/** Presents a used refresh token once more, in time: the same successor comes. */
export async function refreshAgain(lane: Lane, app: App, { family, accessTokens }: Given): Promise<void> {
  const { parent, pending } = family;
  const text = pending?.text ?? parent?.text;
  const sinceMs = pending?.sinceMs ?? parent?.sinceMs ?? 0;
  if (text === undefined || Date.now() - sinceMs > RETRY_WITHIN_MS) return;
  const ending = await lane.api.send({ ...refreshCall(lane, app, text), requestId: lane.newName() });
  if (isUnanswered(ending)) return;
  const { status, json } = ending;
  const say = (problem: string) => void lane.model.violations.push(`a retry of application ${app.id} ${problem}`);
  if (status !== 200) return say(`was answered ${status} ${json?.error}`);
  const successor: string = json.refresh_token;
  accessTokens.push(accessToken(json.access_token));
  if (pending === null && successor !== parent?.successor) return say('gave another successor');
  Object.assign(family, { current: successor, pending: null });
  family.parent = { text, successor, sinceMs, untilMs: Date.now() };
}

/** A refresh token of what has ended gives nothing. */
export async function refreshEnded(lane: Lane, app: App, { family }: Given): Promise<void> {
  if (family.current === null) return;
  const ending = await lane.api.send({ ...refreshCall(lane, app, family.current), requestId: lane.newName() });
  if (isUnanswered(ending) || ending.status === (app.state === 'active' ? 400 : 401)) return;
  lane.model.violations.push(
    `a refresh token of application ${app.id} (${app.state}) has ended, and was answered ${ending.status}`,
  );
}

const isWaiting = ({ family }: Given): boolean => family.pending !== null;
const hasCurrent = (given: Given): boolean => given.family.current !== null && !isWaiting(given);

function pickGiven(lane: Lane, fits: (given: Given) => boolean): { app: App; given: Given } | undefined {
  const app = pickApp(lane, (each) => each.state === 'active' && canProve(each) && livingGiven(each).some(fits));
  const given = app && lane.random.pick(livingGiven(app).filter(fits));
  return given && { app, given };
}

const refresh: Operation = {
  name: 'refresh by application',
  weight: 5,
  isChange: true,
  run: async (lane) => {
    const picked = pickGiven(lane, hasCurrent);
    if (picked) await refreshNew(lane, picked.app, picked.given);
  },
};

const retry: Operation = {
  name: 'refresh by application again',
  weight: 1,
  run: async (lane) => {
    const picked = pickGiven(lane, ({ family }) => family.parent !== null);
    if (picked) await undisturbed([picked.app], () => refreshAgain(lane, picked.app, picked.given));
  },
};

const revoke: Operation = {
  name: 'revoke token',
  weight: 2,
  isChange: true,
  run: async (lane) => {
    const { signing } = lane.model;
    const picked = pickGiven(lane, () => true);
    if (!picked) return;
    const { app, given } = picked;
    const token = lane.random.pick(given.accessTokens.filter((each) => isTokenGood(each, signing, given)));
    // A rotation in an emergency may be under way, and end the access token.
    const isAccess = token !== undefined && !signing.isBusy && !signing.isUnsure && lane.random.chance(50);
    const text = isAccess ? token.text : given.family.current;
    if (text === null || (!isAccess && isWaiting(given))) return;
    await undisturbed(isAccess ? [signing] : [], () =>
      perform(lane, {
        operation: isAccess ? 'revoke access token' : 'revoke refresh token',
        call: {
          method: 'POST',
          path: '/oauth/revoke',
          key: null,
          from: visitor(lane),
          form: { token: text, ...proofOf(app) },
        },
        expected: 200,
        actions: [isAccess ? 'access_token.revoked' : 'token_family.revoked'],
        subjects: [app],
        promise: () => {
          Object.assign(isAccess ? token : given, { isEnded: true });
          app.isTouched = true;
        },
      }),
    );
  },
};

/** Every access token of an application that it is known of whether it lives. */
export const tokensOf = (app: App): { token: AccessToken; given?: Given }[] => [
  ...app.ownTokens.map((token) => ({ token })),
  ...knownGiven(app).flatMap((given) => given.accessTokens.map((token) => ({ token, given }))),
];

/** What the door says to an access token must be the model's word at every moment. */
export async function presentToken(lane: Lane, app: App, { token, given }: { token: AccessToken; given?: Given }) {
  const { signing } = lane.model;
  const before = signing.version;
  const call = { method: 'GET', path: '/v1/auth/verify', key: token.text, requestId: lane.newName() } as const;
  const ending = await lane.api.send(call);
  if (isUnanswered(ending) || signing.version !== before) return;
  const isGood = isTokenGood(token, signing, given);
  if (ending.status === (isGood ? 200 : 401)) return;
  lane.model.violations.push(
    `an access token of application ${app.id} ${isGood ? 'is good' : 'has ended'}, and the door answered ${ending.status} ${ending.json?.error ?? ''}`,
  );
}

const use: Operation = {
  name: 'call by application',
  weight: 4,
  run: async (lane) => {
    const { signing } = lane.model;
    const app = pickApp(lane, (each) => tokensOf(each).length > 0);
    const picked = app && lane.random.pick(tokensOf(app));
    if (!picked || signing.isBusy || signing.isUnsure) return;
    await undisturbed([app], () => presentToken(lane, app, picked));
  },
};

export const oauthTokenOperations: Operation[] = [refresh, retry, revoke, use];
