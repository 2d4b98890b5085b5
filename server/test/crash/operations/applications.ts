import { perform } from '../deeds.ts';
import type { Lane, Operation } from '../lane.ts';
import { isUnanswered } from '../model.ts';
import { type App, canProve, endTokens, proofOf } from '../oauth-model.ts';
import { accessToken } from '../people-model.ts';
import { maybeIdempotent, undisturbed } from './keys.ts';
import { visitor } from './people.ts';

const PATH = '/v1/applications';
export const REDIRECT = 'https://app.example/cb';
/** Few, so that much happens to each of them. */
const MOST_APPS = 4;

/** One of the lane's applications that nothing is under way about. */
export function pickApp(lane: Lane, fits: (app: App) => boolean): App | undefined {
  return lane.random.pick(lane.own.oauth.apps.filter((app) => !app.isBusy && fits(app)));
}

const isFull = ({ own }: Lane) => own.oauth.apps.filter(({ state }) => state !== 'deleted').length >= MOST_APPS;

const newApp = (facts: Pick<App, 'id' | 'name' | 'isConfidential' | 'isSelfRegistered'>): App => ({
  ...facts,
  secret: null,
  state: 'active',
  registrationToken: null,
  consent: null,
  codes: [],
  given: [],
  ownTokens: [],
  isBusy: false,
  isTouched: true,
});

const create: Operation = {
  name: 'create application',
  weight: 2,
  isChange: true,
  run: async (lane) => {
    if (isFull(lane)) return;
    const name = lane.newName();
    const isConfidential = lane.random.chance(50);
    const kind = isConfidential ? { token_endpoint_auth_method: 'client_secret_post' } : { type: 'public' };
    const made: App[] = [];
    await perform(lane, {
      operation: 'create application',
      call: {
        method: 'POST',
        path: PATH,
        key: lane.model.rootKey,
        json: {
          name,
          redirect_uris: [REDIRECT],
          scopes: ['read', 'write'],
          workspace_id: lane.own.home.id,
          ...kind,
        },
        ...maybeIdempotent(lane),
      },
      expected: 201,
      actions: ['application.created'],
      subjects: [],
      promise: ({ ids: [id = ''], reply }) => {
        const app = newApp({ id, name, isConfidential, isSelfRegistered: false });
        made.push({ ...app, secret: reply?.client_secret ?? null });
        lane.own.oauth.apps.push(...made);
      },
      learn: (secret) => {
        for (const app of made) app.secret = secret;
      },
    });
  },
};

const register: Operation = {
  name: 'register application',
  weight: 2,
  isChange: true,
  run: async (lane) => {
    if (isFull(lane)) return;
    const name = lane.newName();
    await perform(lane, {
      operation: 'register application',
      call: {
        method: 'POST',
        path: '/oauth/register',
        key: null,
        from: visitor(lane),
        json: {
          client_name: name,
          redirect_uris: [REDIRECT],
          token_endpoint_auth_method: 'none',
          grant_types: ['authorization_code', 'refresh_token'],
          scope: 'read',
        },
      },
      expected: 201,
      actions: ['application.created'],
      subjects: [],
      promise: ({ ids: [id = ''], reply }) => {
        const facts = { id: reply?.client_id ?? id, name, isConfidential: false, isSelfRegistered: true };
        lane.own.oauth.apps.push({ ...newApp(facts), registrationToken: reply?.registration_access_token ?? null });
      },
    });
  },
};

const disable: Operation = {
  name: 'disable or enable application',
  weight: 1,
  isChange: true,
  run: async (lane) => {
    const app = pickApp(lane, ({ state, isSelfRegistered }) => state !== 'deleted' && !isSelfRegistered);
    if (!app) return;
    const state = app.state === 'active' ? 'disabled' : 'active';
    await perform(lane, {
      operation: state === 'active' ? 'enable application' : 'disable application',
      call: {
        method: 'PATCH',
        path: `${PATH}/${app.id}`,
        key: lane.model.rootKey,
        json: { state, workspace_id: lane.own.home.id },
        ...maybeIdempotent(lane),
      },
      expected: 200,
      actions: ['application.updated'],
      subjects: [app],
      promise: () => {
        Object.assign(app, { state, isTouched: true });
        if (state === 'disabled') endTokens(app);
      },
    });
  },
};

const remove: Operation = {
  name: 'delete application',
  weight: 1,
  isChange: true,
  run: async (lane) => {
    const app = pickApp(
      lane,
      ({ state, isSelfRegistered, registrationToken }) =>
        state !== 'deleted' && (!isSelfRegistered || registrationToken !== null) && lane.random.chance(50),
    );
    if (!app) return;
    const { id, isSelfRegistered, registrationToken } = app;
    await perform(lane, {
      operation: isSelfRegistered ? 'end registration' : 'delete application',
      call: isSelfRegistered
        ? { method: 'DELETE', path: `/oauth/register/${id}`, key: registrationToken, from: visitor(lane) }
        : { method: 'DELETE', path: `${PATH}/${id}?workspace_id=${lane.own.home.id}`, key: lane.model.rootKey },
      expected: 204,
      actions: ['application.deleted'],
      subjects: [app],
      promise: () => {
        Object.assign(app, { state: 'deleted', isTouched: true });
        endTokens(app);
      },
    });
  },
};

/** A token for itself, where it is there to prove who it is; a refusal where it is not. */
export async function askForItself(lane: Lane, app: App): Promise<void> {
  const form = { grant_type: 'client_credentials', scope: 'read', ...proofOf(app) };
  const call = { method: 'POST', path: '/oauth/token', key: null, from: visitor(lane), form } as const;
  const ending = await lane.api.send({ ...call, requestId: lane.newName() });
  if (isUnanswered(ending)) return;
  if (ending.status !== (app.state === 'active' ? 200 : 401)) {
    lane.model.violations.push(`application ${app.id} is ${app.state}, and its token was answered ${ending.status}`);
  } else if (ending.status === 200) app.ownTokens.push(accessToken(ending.json.access_token));
}

export const speaksForItself = (app: App): boolean => app.isConfidential && canProve(app);

const clientCredentials: Operation = {
  name: 'token for application',
  weight: 2,
  run: async (lane) => {
    const app = pickApp(lane, speaksForItself);
    if (app) await undisturbed([app], () => askForItself(lane, app));
  },
};

/** Its registration, as its own token sees it. */
export async function readRegistration(lane: Lane, app: App): Promise<void> {
  if (app.registrationToken === null) return;
  const call = { method: 'GET', path: `/oauth/register/${app.id}`, key: app.registrationToken } as const;
  const ending = await lane.api.send({ ...call, from: visitor(lane), requestId: lane.newName() });
  if (isUnanswered(ending) || ending.status === (app.state === 'deleted' ? 401 : 200)) return;
  lane.model.violations.push(`application ${app.id} is ${app.state}, and its registration answered ${ending.status}`);
}

export const applicationOperations: Operation[] = [create, register, disable, remove, clientCredentials];
