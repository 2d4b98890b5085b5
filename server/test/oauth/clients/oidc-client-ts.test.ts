import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, stopServers, type TestServer } from '../../harness.ts';
import { openWindow, startChromium } from '../../pages/chromium.ts';
import { newPerson, PASSWORD, type Person } from '../../people/browser.ts';
import { newApp } from '../authorizing.ts';

// oidc-client-ts as a page of somebody else's site loads it: from another origin, with nothing but what browsers allow.

const folder = join(dirname(createRequire(import.meta.url).resolve('oidc-client-ts')), '..', 'browser');
const library = readFileSync(join(folder, 'oidc-client-ts.min.js'));
const page = readFileSync(new URL('./page/index.html', import.meta.url));

let server: TestServer;
let browser: Browser;
let person: Person;
const sites: Server[] = [];

interface Site {
  origin: string;
  clientId: string;
}

/** A static site with the page on it, registered as an application without a secret. */
async function newSite(host: 'localhost' | '127.0.0.1', fields: Record<string, unknown> = {}): Promise<Site> {
  let settings = {};
  const site = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://site.invalid');
    if (pathname === '/oidc-client-ts.js') response.setHeader('content-type', 'text/javascript').end(library);
    else if (pathname === '/settings.js') {
      response.setHeader('content-type', 'text/javascript').end(`globalThis.settings = ${JSON.stringify(settings)};`);
    } else response.setHeader('content-type', 'text/html').end(page);
  });
  sites.push(site);
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  const origin = `http://${host}:${(site.address() as AddressInfo).port}`;
  const app = await newApp(server, {
    type: 'public',
    name: 'Notes',
    redirect_uris: [`${origin}/callback`],
    post_logout_redirect_uris: [`${origin}/bye`],
    scopes: ['openid', 'profile', 'email', 'offline_access', 'read'],
    ...fields,
  });
  settings = {
    authority: server.issuer,
    client_id: app.id,
    redirect_uri: `${origin}/callback`,
    // Another address on loopback would be asked about again (RFC 8252 §8.6).
    silent_redirect_uri: `${origin}/callback`,
    post_logout_redirect_uri: `${origin}/bye`,
    scope: 'openid profile email',
    loadUserInfo: true,
    automaticSilentRenew: false,
    silentRequestTimeoutInSeconds: 20,
  };
  return { origin, clientId: app.id };
}

beforeAll(async () => {
  server = await startServer();
  browser = await startChromium();
  person = await newPerson(server, { name: 'Ada Lovelace' });
});
afterAll(async () => {
  await browser?.close();
  for (const site of sites) site.close();
  await stopServers();
});

interface User {
  access_token: string;
  refresh_token?: string;
  scope: string;
  profile: Record<string, unknown>;
}

/** What the page knows once it says this. */
async function told(at: Page, state: string | RegExp): Promise<User> {
  await at.locator('#state').getByText(state).waitFor();
  return JSON.parse((await at.locator('#user').textContent()) ?? 'null');
}

async function signInAt(at: Page, { origin }: Site): Promise<User> {
  await at.goto(origin);
  await told(at, 'Ready');
  await at.getByRole('button', { name: 'Sign in' }).click();
  await at.getByLabel('Email').fill(person.email);
  await at.getByLabel('Password').fill(PASSWORD);
  await at.getByRole('button', { name: 'Continue', exact: true }).click();
  await at.getByRole('button', { name: 'Allow' }).click();
  return told(at, 'Signed in');
}

const whoIs = (accessToken: string) => server.call('/v1/auth/verify', { key: accessToken });

test('a page signs a person in, renews by its refresh token, revokes and signs out', async () => {
  // Another site than the server's: no cookie of the server goes along with what the page asks.
  const site = await newSite('127.0.0.1');
  const { context, page: tab, complaints } = await openWindow(browser, server);
  const user = await signInAt(tab, site);
  expect(user.profile).toMatchObject({
    sub: person.userId,
    aud: site.clientId,
    name: 'Ada Lovelace',
    email: person.email,
    email_verified: true,
  });
  expect((await whoIs(user.access_token)).json).toMatchObject({ user_id: person.userId, client_id: site.clientId });

  await tab.getByRole('button', { name: 'Renew' }).click();
  const renewed = await told(tab, 'Renewed');
  expect(renewed.access_token).not.toBe(user.access_token);
  expect(renewed.refresh_token).not.toBe(user.refresh_token);
  expect((await whoIs(renewed.access_token)).status).toBe(200);

  await tab.getByRole('button', { name: 'Sign out' }).click();
  await told(tab, 'Signed out');
  expect(tab.url()).toMatch(`${site.origin}/bye?state=`);
  await tab.goto(`${server.issuer}/account`);
  await tab.getByRole('heading', { name: 'Sign in' }).waitFor();
  expect(complaints).toEqual([]);
  await context.close();
});

test('what the page revokes is over', async () => {
  const site = await newSite('127.0.0.1');
  const { context, page: tab, complaints } = await openWindow(browser, server);
  const user = await signInAt(tab, site);
  await tab.getByRole('button', { name: 'Revoke' }).click();
  expect((await told(tab, 'Revoked')).refresh_token).toBeFalsy();
  expect((await whoIs(user.access_token)).json).toMatchObject({ error: 'token_revoked' });
  expect(complaints).toEqual([]);
  await context.close();
});

test('without a refresh token it renews in a frame that nobody sees, where browsers let cookies into it', async () => {
  const site = await newSite('localhost', { refresh_tokens: 'offline_access' });
  const { context, page: tab, complaints } = await openWindow(browser, server);
  const user = await signInAt(tab, site);
  expect(user.refresh_token).toBeUndefined();
  await tab.getByRole('button', { name: 'Renew' }).click();
  const renewed = await told(tab, 'Renewed');
  expect(renewed.access_token).not.toBe(user.access_token);
  expect(renewed.profile.sub).toBe(person.userId);
  expect(complaints).toEqual([]);
  await context.close();

  // The frame of another site has no session: it is told so, and no page of ours is framed.
  const elsewhere = await newSite('127.0.0.1', { refresh_tokens: 'offline_access' });
  const second = await openWindow(browser, server);
  await signInAt(second.page, elsewhere);
  await second.page.getByRole('button', { name: 'Renew' }).click();
  await told(second.page, 'Failed: login_required');
  expect(second.complaints).toEqual([]);
  await second.context.close();
});

test('an answer that the page did not ask for, and a no, are refused', async () => {
  const site = await newSite('127.0.0.1');
  const { context, page: tab } = await openWindow(browser, server);
  await tab.goto(`${site.origin}/callback?code=stolen&state=unknown&iss=${encodeURIComponent(server.issuer)}`);
  await told(tab, /^Failed: No matching state/);

  await tab.goto(site.origin);
  await told(tab, 'Ready');
  await tab.getByRole('button', { name: 'Sign in' }).click();
  await tab.getByLabel('Email').fill(person.email);
  await tab.getByLabel('Password').fill(PASSWORD);
  await tab.getByRole('button', { name: 'Continue', exact: true }).click();
  await tab.getByRole('button', { name: 'Deny' }).click();
  await told(tab, 'Failed: access_denied');
  await context.close();
});
