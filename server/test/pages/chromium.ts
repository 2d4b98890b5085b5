import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core';
import { expect } from 'vitest';
import type { TestServer } from '../harness.ts';
import type { Person } from '../people/browser.ts';
import { findBinary } from '../services/find-binary.ts';

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Debian's Chromium, with a profile of its own that nothing else uses. Close it. */
export function startChromium(): Promise<Browser> {
  const executablePath = findBinary({ name: 'chromium', also: [], debianPackage: 'chromium' });
  return chromium.launch({ executablePath, args: FLAGS });
}

export const WIDTHS = { phone: { width: 360, height: 740 }, desktop: { width: 1280, height: 800 } } as const;
export const THEMES = ['light', 'dark'] as const;

export interface Window extends BrowserContext {
  page: Page;
}

/** A window without memory of others, and what it complained about: violations of the policy, failed scripts. */
export async function openWindow(browser: Browser, server: TestServer, options: BrowserContextOptions = {}) {
  const context = await browser.newContext({ baseURL: server.issuer, viewport: WIDTHS.desktop, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    // A refused form is told by its status, which the console repeats.
    if (message.type() === 'error' && !message.text().includes('status of 4')) complaints.push(message.text());
  });
  return { context, page, complaints };
}

/** The window becomes that of a person who signed in elsewhere. */
export async function enterAs(context: BrowserContext, server: TestServer, person: Person): Promise<void> {
  const cookies = [...person.cookies].map(([name, value]) => ({ name, value, url: server.issuer }));
  await context.addCookies(cookies);
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds wrong with the page as it stands, all its rules asked. */
export async function axeViolations(page: Page): Promise<string[]> {
  // By the debugger's own door: the page's policy lets no such script in.
  await page.evaluate(axeSource);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    interface Violation {
      id: string;
      help: string;
      nodes: { html: string; failureSummary: string }[];
    }
    const { violations } = await axe.run();
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html} ${node.failureSummary}`));
  });
}

/** Nothing of the page sticks out to the right. */
export async function expectNoOverflow(page: Page): Promise<void> {
  const [inner, outer] = await page.evaluate(() => {
    const { document } = globalThis as unknown as { document: { documentElement: Record<string, number> } };
    return [document.documentElement.scrollWidth, document.documentElement.clientWidth];
  });
  expect(inner).toBeLessThanOrEqual(outer ?? 0);
}

/** A browser's own authenticator, which always says yes (WebDriver, virtual authenticators). */
export async function addAuthenticator(page: Page): Promise<void> {
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable');
  await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  });
}
