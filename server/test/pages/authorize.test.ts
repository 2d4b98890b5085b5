import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { type App, newApp, requestPath } from '../oauth/authorizing.ts';
import { enrolTotp, mailTo, newAddress, newPerson, otpAt, PASSWORD } from '../people/browser.ts';
import { enterAs, openWindow, startChromium } from './chromium.ts';

const clock = manualClock();
let server: TestServer;
let browser: Browser;
/** An application's own server: it is called back, and sends its person on to another origin. */
let callback: Server;
let received: URLSearchParams[] = [];
let redirectUri: string;
let app: App;

beforeAll(async () => {
  server = await startServer({ clock });
  browser = await startChromium();
  callback = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://app.invalid');
    if (url.pathname === '/home') {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<link rel="icon" href="data:,"><h1>Home</h1>');
      return;
    }
    if (url.pathname === '/favicon.ico') {
      response.writeHead(404).end();
      return;
    }
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      received.push(request.method === 'POST' ? new URLSearchParams(body) : url.searchParams);
      const { port } = callback.address() as AddressInfo;
      response.writeHead(303, { location: `http://localhost:${port}/home` }).end();
    });
  });
  await new Promise<void>((done) => callback.listen(0, done));
  redirectUri = `http://127.0.0.1:${(callback.address() as AddressInfo).port}/cb`;
  app = await newApp(server, { redirect_uris: [redirectUri] });
});
afterAll(async () => {
  await browser?.close();
  callback?.close();
  await stopServers();
});
afterEach(() => {
  received = [];
  clock.advance(60_000);
});

const ask = (more: Record<string, string> = {}, of = app) => requestPath(of, { redirect_uri: redirectUri, ...more });

async function signIn(page: Page, email: string): Promise<void> {
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Continue', exact: true }).click();
}

/** The browser has arrived where the application sent it, and the application has an answer. */
async function arrived(page: Page, complaints: readonly string[]): Promise<Record<string, string>> {
  await page.getByRole('heading', { name: 'Home' }).waitFor();
  expect(complaints).toEqual([]);
  expect(received).toHaveLength(1);
  return Object.fromEntries(received[0] ?? []);
}

test('the form of consent leads over the application to where that sends on', async () => {
  const person = await newPerson(server);
  const { context, page, complaints } = await openWindow(browser, server);
  await page.goto(ask());
  await signIn(page, person.email);
  await page.getByRole('button', { name: 'Allow' }).click();
  expect(await arrived(page, complaints)).toEqual({ code: expect.any(String), state: 's', iss: server.issuer });
  await context.close();
});

test('so does the form for signing in, and that of the second factor, for who said yes before', async () => {
  const person = await newPerson(server);
  const { secret } = await enrolTotp(person, clock.nowMs);
  const trusted = await newApp(server, { redirect_uris: [redirectUri], consent: 'skip' });
  clock.advance(60_000);
  const { context, page, complaints } = await openWindow(browser, server);
  await page.goto(ask({}, trusted));
  await signIn(page, person.email);
  await page.getByLabel('Code', { exact: true }).fill(await otpAt(secret, clock.nowMs()));
  await page.getByRole('button', { name: 'Continue', exact: true }).click();
  expect(await arrived(page, complaints)).toHaveProperty('code');
  await context.close();

  received = [];
  const plain = await newPerson(server);
  const second = await openWindow(browser, server);
  await second.page.goto(ask({}, trusted));
  await signIn(second.page, plain.email);
  expect(await arrived(second.page, second.complaints)).toHaveProperty('code');
  await second.context.close();
});

test('and that which confirms an account, made on the way', async () => {
  const trusted = await newApp(server, { redirect_uris: [redirectUri], consent: 'skip' });
  const { context, page, complaints } = await openWindow(browser, server, { javaScriptEnabled: false });
  const email = newAddress();
  await page.goto(ask({}, trusted));
  await page.getByRole('link', { name: 'Create an account' }).click();
  await page.getByLabel('Email').fill(email);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Create account' }).click();
  await page.goto((await mailTo(server, email)).link);
  await page.getByLabel('Password').fill(PASSWORD);
  await page.getByRole('button', { name: 'Confirm and sign in' }).click();
  expect(await arrived(page, complaints)).toHaveProperty('code');
  await context.close();
});

test('no is told, and so is form_post with script and without', async () => {
  const person = await newPerson(server);
  const trusted = await newApp(server, { redirect_uris: [redirectUri], consent: 'skip' });
  const { context, page, complaints } = await openWindow(browser, server);
  await enterAs(context, server, person);
  await page.goto(ask());
  await page.getByRole('button', { name: 'Deny' }).click();
  expect(await arrived(page, complaints)).toMatchObject({ error: 'access_denied' });
  received = [];
  await page.goto(ask({ response_mode: 'form_post' }, trusted));
  expect(await arrived(page, complaints)).toHaveProperty('code');
  await context.close();

  received = [];
  const plain = await openWindow(browser, server, { javaScriptEnabled: false });
  await enterAs(plain.context, server, person);
  await plain.page.goto(ask({ response_mode: 'form_post' }, trusted));
  await plain.page.getByRole('button', { name: 'Continue' }).click();
  expect(await arrived(plain.page, plain.complaints)).toHaveProperty('code');
  await plain.context.close();
});

test('signing out leads back to the application', async () => {
  const back = redirectUri.replace('/cb', '/bye');
  const leaving = await newApp(server, { redirect_uris: [redirectUri], post_logout_redirect_uris: [back] });
  const person = await newPerson(server);
  const { context, page, complaints } = await openWindow(browser, server);
  await enterAs(context, server, person);
  const query = new URLSearchParams({ client_id: leaving.id, post_logout_redirect_uri: back, state: 'x' });
  await page.goto(`/oauth/logout?${query}`);
  await page.getByRole('main').getByRole('button', { name: 'Sign out' }).click();
  expect(await arrived(page, complaints)).toEqual({ state: 'x' });
  await page.goto('/account');
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await context.close();
});
