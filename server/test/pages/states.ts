import type { BrowserContext, Page } from 'playwright-core';
import type { ManualClock, TestServer } from '../harness.ts';
import { type App, allow, markSelfRegistered, newApp, requestPath } from '../oauth/authorizing.ts';
import { enrolTotp, mailTo, newAddress, newPerson, otpAt, PASSWORD, type Person } from '../people/browser.ts';
import { addAuthenticator, enterAs } from './chromium.ts';
import { pageClient } from './client.ts';

export interface Stage {
  server: TestServer;
  clock: ManualClock;
  context: BrowserContext;
  page: Page;
}

type Act = (stage: Stage) => Promise<void>;

const LONG_NAME =
  'Wolfeschlegelsteinhausenbergerdorff International Key Management and Locksmithing Cooperative of Hamburg';
const longAddress = () =>
  `${newAddress('a-person-with-a-very-long-name-for-an-address')}`.replace('@', '@mail.department.of.');

async function submit(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name, exact: true }).click();
  await page.waitForLoadState('load');
}

const at =
  (path: string): Act =>
  async ({ page }) => {
    await page.goto(path);
  };

async function person(stage: Stage, fields: Record<string, unknown> = {}): Promise<Person> {
  const made = await newPerson(stage.server, fields);
  await enterAs(stage.context, stage.server, made);
  return made;
}

const asPerson =
  (path: string, fields: Record<string, unknown> = {}): Act =>
  async (stage) => {
    await person(stage, fields);
    await stage.page.goto(path);
  };

async function signUp({ page }: Stage, email: string): Promise<void> {
  await page.goto('/sign-up');
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Name').fill('Ada');
  await page.getByLabel('Password').fill(PASSWORD);
  await submit(page, 'Create account');
}

async function signIn({ page }: Stage, email: string, password: string): Promise<void> {
  await page.goto('/sign-in');
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(password);
  await submit(page, 'Continue');
}

async function halfIn(stage: Stage): Promise<string> {
  const made = await newPerson(stage.server);
  const { secret } = await enrolTotp(made, stage.clock.nowMs);
  await signIn(stage, made.email, PASSWORD);
  return secret;
}

async function invited(stage: Stage, email: string): Promise<void> {
  const { server, page } = stage;
  const json = { email, role: 'developer', workspace_id: server.workspaceId };
  const made = await server.call('/v1/invitations', { key: server.rootKey, json });
  if (made.status !== 201) throw new Error(made.text);
  await page.goto((await mailTo(server, email)).link);
}

async function addPasskeyByPage({ page }: Stage, name: string): Promise<void> {
  await page.goto('/account/passkeys/new');
  await page.getByLabel('Name').fill(name);
  await submit(page, 'Create passkey');
  await page.getByRole('heading', { name: 'Your backup codes' }).waitFor();
}

/** Somebody whose only second factor is a passkey of this window, signed out again. */
async function personWithPasskey(stage: Stage): Promise<Person> {
  const made = await person(stage);
  await addAuthenticator(stage.page);
  await addPasskeyByPage(stage, 'Work laptop');
  await stage.context.clearCookies();
  return made;
}

async function unproved(stage: Stage): Promise<Person> {
  const made = await person(stage);
  await enrolTotp(made, stage.clock.nowMs);
  stage.clock.advance(16 * 60_000);
  await stage.page.goto('/account/email');
  return made;
}

const LOOPBACK = { type: 'native', redirect_uris: ['http://127.0.0.1/cb'] };
const MANY = ['read', 'write', 'delete', 'admin', 'api_keys:write', 'webhooks:write', 'members:read', 'usage:read'];

/** A person sent here by an application. */
async function sent(stage: Stage, fields: Record<string, unknown>, params: Record<string, string | null> = {}) {
  const app = await newApp(stage.server, fields);
  const made = await person(stage, { role: 'admin', name: 'Ada Lovelace' });
  await stage.page.goto(requestPath(app, params));
  return { app, made };
}

async function secondWorkspace({ server }: Stage, userId: string): Promise<void> {
  const made = await server.call('/v1/workspaces', { key: server.rootKey, json: { name: LONG_NAME.slice(0, 100) } });
  const json = { user_id: userId, role: 'viewer', workspace_id: made.json.id };
  await server.call('/v1/members', { key: server.rootKey, json });
}

async function choosing(stage: Stage, app: App): Promise<void> {
  const made = await person(stage);
  await secondWorkspace(stage, made.userId);
  await stage.page.goto(requestPath(app));
}

/** What applications ask of people. */
const APPLICATION_STATES: Record<string, Act> = {
  'sign-in-for-application': async (stage) => {
    await stage.page.goto(requestPath(await newApp(stage.server), { login_hint: 'ada@example.com' }));
  },
  consent: async (stage) => void (await sent(stage, {}, { scope: 'read write email' })),
  'consent-much': async (stage) => {
    const name = LONG_NAME.slice(0, 100);
    await sent(stage, { name, scopes: MANY, policy_uri: 'https://app.example/p' }, { scope: MANY.join(' ') });
  },
  'consent-right-to-left': async (stage) => void (await sent(stage, { name: 'מפתחות ויומנים' })),
  'consent-self-registered': async (stage) => {
    const app = await newApp(stage.server, { ...LOOPBACK, name: 'Editor', scopes: ['read', 'delete'] });
    await markSelfRegistered(stage.server, app);
    await person(stage);
    await stage.page.goto(requestPath(app, { redirect_uri: 'http://127.0.0.1:3118/cb', scope: 'read delete' }));
  },
  'consent-more': async (stage) => {
    const app = await newApp(stage.server);
    const made = await person(stage);
    await allow(pageClient(stage.server, made.cookies), app);
    await stage.page.goto(requestPath(app, { scope: 'read write email' }));
    await stage.page.getByText('do more for you?').waitFor();
  },
  'choose-workspace': async (stage) => choosing(stage, await newApp(stage.server)),
  'choose-account': async (stage) => void (await sent(stage, {}, { prompt: 'select_account' })),
  'application-unknown': async (stage) => {
    await stage.page.goto(requestPath({ id: 'app_000000000000000000000000', secret: undefined }));
  },
  'application-redirect': async (stage) => {
    const params = { redirect_uri: `https://evil.example/${'long/'.repeat(40)}` };
    await stage.page.goto(requestPath(await newApp(stage.server), params));
  },
  'application-refused': async (stage) => {
    const app = await newApp(stage.server);
    await markSelfRegistered(stage.server, app);
    await stage.page.goto(requestPath(app, { scope: 'nope' }));
  },
  'question-gone': at('/oauth/consent?request=x'),
  'role-too-small': async (stage) => {
    const app = await newApp(stage.server, { scopes: ['write'] });
    await person(stage, { role: 'viewer' });
    await stage.page.goto(requestPath(app, { scope: 'write' }));
  },
  applications: async (stage) => {
    const made = await person(stage);
    for (const name of ['Notes', LONG_NAME.slice(0, 100), 'יומן']) {
      const app = await newApp(stage.server, { name, consent: 'skip', scopes: ['read', 'delete', 'email'] });
      const cookie = [...made.cookies].map(([key, value]) => `${key}=${value}`).join('; ');
      await stage.server.call(requestPath(app, { scope: 'read delete email' }), { key: null, headers: { cookie } });
    }
    await stage.page.goto('/account/applications');
    await stage.page.locator('summary').first().click();
  },
  'applications-none': asPerson('/account/applications'),
  'logout-question': asPerson('/oauth/logout'),
  'logout-over': at('/oauth/logout'),
  'logout-wrong': at('/oauth/logout?client_id=nobody'),
};

/** Every page, in every state that it can be in. */
export const STATES: Record<string, Act> = {
  ...APPLICATION_STATES,
  'sign-in': at('/sign-in'),
  errors: at('/docs/errors'),
  'errors-target': at('/docs/errors#insufficient_scope'),
  'sign-in-empty': async (stage) => {
    await stage.page.goto('/sign-in');
    await submit(stage.page, 'Continue');
  },
  'sign-in-wrong': (stage) => signIn(stage, newAddress(), 'not the password'),
  'sign-in-recovered': at('/sign-in?done=recovered'),
  'second-factor': async (stage) => void (await halfIn(stage)),
  'second-factor-wrong': async (stage) => {
    await halfIn(stage);
    await stage.page.getByLabel('Code', { exact: true }).fill('000000');
    await submit(stage.page, 'Continue');
  },
  'second-factor-backup': async (stage) => {
    await halfIn(stage);
    await stage.page.getByRole('link', { name: 'Use a backup code' }).click();
  },
  'second-factor-passkey': async (stage) => {
    const { email } = await personWithPasskey(stage);
    await signIn(stage, email, PASSWORD);
    await stage.page.getByRole('button', { name: 'Use a passkey' }).waitFor();
  },
  'second-factor-both': async (stage) => {
    const made = await personWithPasskey(stage);
    await enrolTotp(made, stage.clock.nowMs);
    await signIn(stage, made.email, PASSWORD);
    await stage.page.getByRole('button', { name: 'Use a passkey' }).waitFor();
  },
  'second-factor-passkey-failed': async (stage) => {
    const { email } = await personWithPasskey(stage);
    await signIn(stage, email, PASSWORD);
    // A key of nobody's: the browser has no answer.
    await stage.page.locator('form.passkey').evaluate((form) => {
      (form as unknown as { dataset: Record<string, string> }).dataset.options = '/v1/none';
    });
    await stage.page.getByRole('button', { name: 'Use a passkey' }).click();
    await stage.page.getByText('The passkey was not used.').waitFor();
  },
  'sign-up': at('/sign-up'),
  'sign-up-wrong': async ({ page }) => {
    await page.goto('/sign-up');
    await page.getByLabel('Email').fill('nobody');
    await page.getByLabel('Password').fill('short');
    await submit(page, 'Create account');
  },
  'sign-up-sent': (stage) => signUp(stage, newAddress()),
  'sign-up-confirm': async (stage) => {
    const email = longAddress();
    await signUp(stage, email);
    await stage.page.goto((await mailTo(stage.server, email)).link);
  },
  'dead-link': at(`/recover/password?token=${'a'.repeat(43)}`),
  recover: at('/recover'),
  'recover-sent': at('/recover/sent'),
  'recover-password': async (stage) => {
    const { email } = await newPerson(stage.server);
    await stage.page.goto('/recover');
    await stage.page.getByLabel('Email').fill(email);
    await submit(stage.page, 'Send the link');
    await stage.page.goto((await mailTo(stage.server, email, 'Choose a new password')).link);
  },
  'invitation-newcomer': (stage) => invited(stage, newAddress()),
  'invitation-other': async (stage) => {
    await person(stage);
    await invited(stage, newAddress());
  },
  'not-found': at('/no/such/page'),
  security: asPerson('/account?done=password_changed', { name: 'Ada Lovelace' }),
  'security-full': async (stage) => {
    const made = await person(stage, { name: LONG_NAME.slice(0, 100), email: longAddress(), email_verified: false });
    await addAuthenticator(stage.page);
    await addPasskeyByPage(stage, 'Work laptop');
    await enrolTotp(made, stage.clock.nowMs);
    await stage.page.goto('/account');
  },
  'security-blocked': async (stage) => {
    const { server } = stage;
    const made = await server.call('/v1/workspaces', { key: server.rootKey, json: { name: 'Careful' } });
    const json = { require_second_factor: true };
    const path = `/v1/workspaces/${made.json.id}`;
    const patched = await server.call(path, { key: server.rootKey, method: 'PATCH', json });
    if (patched.status !== 200) throw new Error(patched.text);
    await person(stage, { workspace_id: made.json.id });
    await stage.page.goto('/account');
    await stage.page.getByText('Your workspace asks for a second factor.').waitFor();
  },
  'sign-in-too-many': async (stage) => {
    const email = newAddress();
    for (let guess = 0; guess < 11; guess += 1) await signIn(stage, email, 'not the password');
    await stage.page.getByText('Too many attempts.').waitFor();
  },
  'password-wrong': async (stage) => {
    await asPerson('/account/password')(stage);
    await stage.page.getByLabel('Current password').fill('not it');
    await stage.page.getByLabel('New password').fill(PASSWORD.toUpperCase());
    await submit(stage.page, 'Save password');
  },
  name: asPerson('/account/name', { name: 'Ada Lovelace' }),
  'name-none': asPerson('/account/name'),
  email: asPerson('/account/email'),
  authenticator: async (stage) => {
    await asPerson('/account')(stage);
    await submit(stage.page, 'Set up: Authenticator app');
  },
  'authenticator-wrong': async (stage) => {
    await asPerson('/account')(stage);
    await submit(stage.page, 'Set up: Authenticator app');
    await stage.page.getByLabel('Code', { exact: true }).fill('000000');
    await submit(stage.page, 'Turn on');
  },
  'backup-codes': async (stage) => {
    await asPerson('/account')(stage);
    await submit(stage.page, 'Set up: Authenticator app');
    const secret = (await stage.page.locator('.secret code').innerText()).replace(/\s/g, '');
    await stage.page.getByLabel('Code', { exact: true }).fill(await otpAt(secret, stage.clock.nowMs()));
    await submit(stage.page, 'Turn on');
  },
  'authenticator-remove': async (stage) => {
    const made = await person(stage);
    await enrolTotp(made, stage.clock.nowMs);
    await stage.page.goto('/account/authenticator/remove');
  },
  'passkey-new': asPerson('/account/passkeys/new'),
  'passkey-edit': async (stage) => {
    await person(stage);
    await addAuthenticator(stage.page);
    await addPasskeyByPage(stage, 'Phone');
    await stage.page.goto('/account');
    await stage.page.getByRole('link', { name: 'Edit: Phone' }).click();
  },
  proof: async (stage) => void (await unproved(stage)),
  sessions: async (stage) => {
    const { email } = await person(stage);
    for (let index = 0; index < 2; index += 1) {
      const other = { 'user-agent': 'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19 Safari/605' };
      await stage.server.call('/v1/account/sign-in', {
        key: null,
        json: { email, password: PASSWORD },
        headers: other,
      });
    }
    await stage.page.goto('/account/sessions');
  },
  workspaces: async (stage) => {
    const { userId } = await person(stage);
    const { server } = stage;
    const made = await server.call('/v1/workspaces', { key: server.rootKey, json: { name: LONG_NAME.slice(0, 100) } });
    const json = { user_id: userId, role: 'admin', workspace_id: made.json.id };
    const added = await server.call('/v1/members', { key: server.rootKey, json });
    if (added.status !== 201) throw new Error(added.text);
    await stage.page.goto('/account/workspaces');
  },
  'workspaces-invited': async (stage) => {
    const { email } = await person(stage);
    const { server } = stage;
    for (const [name, role] of [
      [LONG_NAME.slice(0, 100), 'viewer'],
      ['Acme', 'admin'],
    ]) {
      const made = await server.call('/v1/workspaces', { key: server.rootKey, json: { name } });
      const json = { email, role, workspace_id: made.json.id };
      const invitation = await server.call('/v1/invitations', { key: server.rootKey, json });
      if (invitation.status !== 201) throw new Error(invitation.text);
    }
    await stage.page.goto('/account/workspaces');
    await stage.page.getByRole('button', { name: 'Join Acme', exact: true }).waitFor();
  },
  'workspaces-unconfirmed': asPerson('/account/workspaces', { email_verified: false }),
  'dev-mail': async (stage) => {
    await signUp(stage, newAddress());
    await stage.page.goto('/dev/mail');
  },
};
