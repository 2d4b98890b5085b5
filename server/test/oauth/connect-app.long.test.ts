import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type DocumentedServer, startDocumentedServer } from '../docs/documented-server.ts';
import { readBlocks, root } from '../docs/documents.ts';
import { axeViolations, expectNoOverflow, startChromium, THEMES, WIDTHS } from '../pages/chromium.ts';

const EXAMPLE = 'examples/connect-app';
const shots = process.env.LATCHKEY_TEST_SHOTS;

let server: DocumentedServer;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let tally: string;
const complaints: string[] = [];

/** The machine's own settings of npm and its network, but nothing that the npm around this test says of its project. */
function ofMachine(): Record<string, string> {
  const isOther = (name: string) => /^(?:npm|LATCHKEY|NODE_ENV|PATH$|PORT$)/.test(name);
  const entries = Object.entries(process.env).filter(([name, value]) => value !== undefined && !isOther(name));
  return Object.fromEntries(entries) as Record<string, string>;
}

/** The commands of the example's README, as a reader types them beside the running server. */
async function followReadme(): Promise<void> {
  const { fences } = readBlocks(readFileSync(join(root, EXAMPLE, 'README.md'), 'utf8'));
  const commands = fences
    .filter(({ info }) => info === 'sh')
    .flatMap(({ text }) => text.replace(/\\\n */g, '').split('\n'));
  expect(commands).toHaveLength(3);
  const [register = '', install = '', start = ''] = commands.map((line) => line.replace('npx latchkey', 'latchkey'));
  const files = `tar -C '${root}' --exclude node_modules --exclude application.json -cf - ${EXAMPLE} | tar -xf -`;
  await server.run(files, {});
  await server.run(register, {});
  await server.run(`${install} --prefer-offline`, ofMachine());
  const settings = { PORT: server.localize('8080'), LATCHKEY_URL: server.localize('http://localhost:4000') };
  const printed = await server.background(`${start} --silent`, settings, 1);
  tally = server.localize('http://localhost:8080');
  expect(printed).toBe(`Tally is at ${tally}`);
}

beforeAll(async () => {
  server = await startDocumentedServer();
  browser = await startChromium();
  context = await browser.newContext({ viewport: WIDTHS.desktop, reducedMotion: 'reduce' });
  page = await context.newPage();
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text());
  });
  await followReadme();
}, 240_000);
afterAll(async () => {
  await browser?.close();
  await server?.stop();
});

/** The page as it stands is fit to be seen, in both widths and themes. */
async function look(name: string): Promise<void> {
  for (const [width, viewport] of Object.entries(WIDTHS)) {
    await page.setViewportSize(viewport);
    for (const colorScheme of THEMES) {
      await page.emulateMedia({ colorScheme });
      await expectNoOverflow(page);
      if (shots)
        await page.screenshot({ path: join(shots, `tally-${name}.${width}.${colorScheme}.png`), fullPage: true });
      expect(await axeViolations(page)).toEqual([]);
    }
  }
}

const button = (name: string) => page.getByRole('button', { name, exact: true });
const notice = (text: string) => page.getByRole('status').filter({ hasText: text }).waitFor();

test('an account is connected, used, renewed, and cut off by its person', async () => {
  await page.goto(tally);
  await look('welcome');
  await button('Connect your account').click();
  await page.getByLabel('Email').fill('owner@example.com');
  await page.getByLabel('Password').fill(server.printedAs('Password'));
  await button('Continue').click();

  await button('Deny').click();
  await notice('You said no');
  await button('Connect your account').click();
  await look('consent');
  await button('Allow').click();

  await page.getByRole('heading', { name: 'Projects', exact: true }).waitFor();
  expect(page.url()).toBe(`${tally}/`);
  await page.getByText('Example project').waitFor();
  await page.getByLabel('New project').fill('Paint the <shed> & the fence');
  await button('Add').click();
  await page.getByText('Paint the <shed> & the fence').waitFor();

  expect(await page.locator('#renewals').textContent()).toBe('0 times');
  await button('Renew now').click();
  await page.locator('#renewals').getByText('once').waitFor();
  await look('projects');

  const account = await context.newPage();
  await page.getByRole('link', { name: 'Manage at your account' }).waitFor();
  await account.goto(server.localize('http://localhost:4000/account/applications'));
  await account.getByRole('button', { name: /Tally/ }).click();
  await account.getByRole('status').waitFor();
  // At once, and not when the access token would have ended by itself.
  await page.reload();
  await notice('the access was withdrawn');
  await look('ended');

  await button('Connect your account').click();
  await button('Allow').click();
  await page.getByText('Example project').waitFor();
  await button('Disconnect').click();
  await notice('Disconnected');
  expect(complaints).toEqual([]);
});

test('an answer that nobody asked for connects nothing', async () => {
  const other = await browser.newContext();
  const tab = await other.newPage();
  await tab.goto(`${tally}/callback?code=stolen&state=unknown`);
  await tab.getByRole('status').filter({ hasText: 'That did not work' }).waitFor();
  await other.close();
});
