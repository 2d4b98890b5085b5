import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { enrolTotp, mailTo, newAddress, newBrowser, newPerson, otpAt, PASSWORD, signIn } from '../people/browser.ts';
import { addAuthenticator, axeViolations, enterAs, openWindow, startChromium } from './chromium.ts';

const clock = manualClock();
let server: TestServer;
let browser: Browser;
beforeAll(async () => {
  server = await startServer({ clock });
  browser = await startChromium();
});
afterAll(async () => {
  await browser?.close();
  await stopServers();
});
afterEach(() => clock.advance(2 * 3_600_000));

const NEW_PASSWORD = 'violet harbor 77 sandal';

type Opened = Awaited<ReturnType<typeof openWindow>>;

/** What a person does, by what they see. */
function hand({ page }: Opened) {
  const fill = (label: string, text: string) => page.getByLabel(label, { exact: true }).fill(text);
  const press = async (name: string) => {
    await page.getByRole('button', { name, exact: true }).click();
  };
  const sees = (text: string) => page.getByText(text).first().waitFor();
  const heading = (name: string) => page.getByRole('heading', { name, level: 1 }).waitFor();
  return { fill, press, sees, heading };
}

/** From nothing to a signed-in, confirmed account, by the mail that a development server keeps. */
async function signUp(opened: Opened, email: string): Promise<void> {
  const { page } = opened;
  const { fill, press, heading } = hand(opened);
  await page.goto('/sign-up');
  await fill('Email', email);
  await fill('Name', 'Ada Lovelace');
  await fill('Password', PASSWORD);
  await press('Create account');
  await heading('Look into your mail');
  await page.getByRole('link', { name: 'Open the mail' }).click();
  await page.getByRole('link', { name: '/sign-up/confirm' }).first().click();
  await heading('Confirm your account');
  expect(page.url()).toBe(`${server.issuer}/sign-up/confirm`);
  await fill('Password', PASSWORD);
  await press('Confirm and sign in');
  await heading('Security');
}

test('a person signs up, adds a second factor and a passkey, gets back in, and joins a second workspace', async () => {
  const opened = await openWindow(browser, server);
  const { page, context, complaints } = opened;
  const { fill, press, sees, heading } = hand(opened);
  const email = newAddress();
  await signUp(opened, email);
  expect((await context.cookies()).filter(({ httpOnly, sameSite }) => !httpOnly || sameSite !== 'Lax')).toEqual([]);

  // An authenticator app, by the secret that stands beside the QR code.
  await press('Set up: Authenticator app');
  const secret = (await page.locator('.secret code').innerText()).replaceAll(' ', '');
  await fill('Code', await otpAt(secret, clock.nowMs()));
  await press('Turn on');
  await heading('Your backup codes');
  expect(await page.locator('.codes li').count()).toBe(10);
  await page.getByRole('link', { name: 'I have kept them' }).click();
  await sees('10 of 10 left.');

  // Out, and in again by password and code.
  await press('Sign out');
  await sees('You are signed out.');
  clock.advance(60_000);
  await fill('Email', email);
  await fill('Password', PASSWORD);
  await press('Continue');
  await heading('One more step');
  await fill('Code', await otpAt(secret, clock.nowMs()));
  await press('Continue');
  await heading('Security');

  // A passkey, and in by it alone.
  await addAuthenticator(page);
  await page.getByRole('link', { name: 'Add: passkey' }).click();
  await fill('Name', 'Test laptop');
  await press('Create passkey');
  await sees('The passkey is added.');
  await press('Sign out');
  await press('Sign in with a passkey');
  await heading('Security');
  await sees('Last used');

  // A new password by mail: every session ends, and the second factor is still asked for.
  await press('Sign out');
  await page.getByRole('link', { name: 'Forgot it?' }).click();
  await fill('Email', email);
  await press('Send the link');
  await heading('Look into your mail');
  const { link } = await mailTo(server, email, 'Choose a new password');
  await page.goto(link);
  await fill('New password', NEW_PASSWORD);
  await press('Save password');
  await sees('Your password is changed.');
  await fill('Email', email);
  await fill('Password', NEW_PASSWORD);
  await press('Continue');
  await heading('One more step');
  await press('Use a passkey');
  await heading('Security');

  // Somebody signed in elsewhere: ended from here, and refused there at once.
  clock.advance(60_000);
  const elsewhere = newBrowser(server);
  const otp = await otpAt(secret, clock.nowMs());
  expect((await signIn(elsewhere, email, NEW_PASSWORD, { otp })).status).toBe(201);
  await page.getByRole('link', { name: 'Sessions' }).click();
  await press('End the session on Firefox on Linux');
  await sees('The session has ended.');
  expect((await elsewhere.call('/v1/account')).status).toBe(401);

  // An invitation to a second workspace.
  const json = { email, role: 'developer', workspace_id: server.workspaceId };
  expect((await server.call('/v1/invitations', { key: server.rootKey, json })).status).toBe(201);
  await page.goto((await mailTo(server, email, 'You are invited to a workspace')).link);
  await page.getByRole('button', { name: /^Join / }).click();
  await sees('You joined the workspace.');
  await page.getByRole('button', { name: /^Switch to / }).click();
  await sees('You switched workspaces.');
  expect(await axeViolations(page)).toEqual([]);
  expect(complaints).toEqual([]);
  await context.close();
});

test('after the password a passkey is enough, beside an authenticator app and alone', async () => {
  const opened = await openWindow(browser, server);
  const { page, context, complaints } = opened;
  const { fill, press, sees, heading } = hand(opened);
  const person = await newPerson(server);
  await enterAs(context, server, person);
  await addAuthenticator(page);
  await page.goto('/account/passkeys/new');
  await fill('Name', 'Test laptop');
  await press('Create passkey');
  await heading('Your backup codes');
  const signIn = async () => {
    await context.clearCookies();
    await page.goto('/sign-in?return_to=/account/sessions');
    await fill('Email', person.email);
    await fill('Password', PASSWORD);
    await press('Continue');
    await heading('One more step');
    // Nobody is in by the password alone.
    expect((await context.cookies()).map(({ name }) => name).sort()).toEqual([
      'latchkey_challenge',
      'latchkey_visitor',
    ]);
  };

  await signIn();
  await sees('Confirm with a passkey of yours.');
  expect(await page.getByLabel('Code', { exact: true }).count()).toBe(0);
  await press('Use a passkey');
  await heading('Sessions');
  await sees('by password, passkey');

  const again = newBrowser(server);
  for (const { name, value } of await context.cookies()) again.cookies.set(name, value);
  await enrolTotp({ ...person, ...again }, clock.nowMs);
  await signIn();
  await page.getByLabel('Code', { exact: true }).waitFor();
  await press('Use a passkey');
  await heading('Sessions');
  expect(complaints).toEqual([]);
  await context.close();
});

test('who has only a passkey, and no script or no device, gets in by a backup code', async () => {
  const scripted = await openWindow(browser, server);
  const person = await newPerson(server);
  await enterAs(scripted.context, server, person);
  await addAuthenticator(scripted.page);
  await scripted.page.goto('/account/passkeys/new');
  await hand(scripted).fill('Name', 'Lost phone');
  await hand(scripted).press('Create passkey');
  await hand(scripted).heading('Your backup codes');
  const code = await scripted.page.locator('.codes li').first().innerText();
  await scripted.context.close();

  const opened = await openWindow(browser, server, { javaScriptEnabled: false });
  const { page, context } = opened;
  const { fill, press, sees, heading } = hand(opened);
  await page.goto('/sign-in');
  await fill('Email', person.email);
  await fill('Password', PASSWORD);
  await press('Continue');
  await sees('Passkeys need JavaScript');
  expect(await page.getByRole('button', { name: 'Use a passkey' }).count()).toBe(0);
  await page.getByRole('link', { name: 'Use a backup code' }).click();
  await fill('Backup code', code.trim());
  await press('Continue');
  await heading('Security');
  await sees('9 of 10 left.');
  await context.close();
});

test('by keyboard alone: the order is that of the page, and what has the focus is seen', async () => {
  const { email } = await newPerson(server);
  const { page, context } = await openWindow(browser, server);
  await page.goto('/sign-in');
  // The cursor stands in the first field.
  await page.keyboard.type(email);
  await page.keyboard.press('Tab');
  const focused = () =>
    page.evaluate(() => {
      const { document } = globalThis as unknown as {
        document: { activeElement: { textContent: string; id: string } };
      };
      return document.activeElement.id || document.activeElement.textContent.trim();
    });
  // Who types goes from field to field, past the link that stands between them.
  expect(await focused()).toBe('password');
  await page.keyboard.press('Tab');
  expect(await focused()).toBe('Forgot it?');
  await page.keyboard.press('Shift+Tab');
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Security', level: 1 }).waitFor();
  await page.keyboard.press('Tab');
  expect(await focused()).toBe('Skip to content');
  const seen: string[] = [];
  for (let step = 0; step < 9; step += 1) {
    await page.keyboard.press('Tab');
    seen.push(await focused());
    const outline = await page.evaluate(() => {
      const { document, getComputedStyle } = globalThis as unknown as {
        document: { activeElement: object };
        getComputedStyle(element: object): { outlineStyle: string };
      };
      return getComputedStyle(document.activeElement).outlineStyle;
    });
    expect(outline).toBe('solid');
  }
  const tabs = ['Security', 'Sessions', 'Applications', 'Workspaces'];
  expect(seen).toEqual(['Latchkey', 'Sign out', ...tabs, 'Add', 'Change', 'Change']);
  await context.close();
});

test('without script all but passkeys works, and nothing offers what cannot work', async () => {
  const opened = await openWindow(browser, server, { javaScriptEnabled: false });
  const { page, context } = opened;
  const { fill, press, sees, heading } = hand(opened);
  await signUp(opened, newAddress());
  await press('Set up: Authenticator app');
  const secret = (await page.locator('.secret code').innerText()).replaceAll(' ', '');
  await fill('Code', '000000');
  await press('Turn on');
  await sees('This code is wrong.');
  await fill('Code', await otpAt(secret, clock.nowMs()));
  await press('Turn on');
  await heading('Your backup codes');
  await page.goto('/account/passkeys/new');
  await sees('Passkeys need JavaScript');
  expect(await page.getByRole('button', { name: 'Create passkey' }).count()).toBe(0);
  await press('Sign out');
  expect(await page.getByRole('button', { name: 'Sign in with a passkey' }).count()).toBe(0);
  await context.close();
});
