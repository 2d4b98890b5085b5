import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { manualClock, startServer, stopServers, type TestServer } from '../harness.ts';
import { axeViolations, expectNoOverflow, openWindow, startChromium, THEMES, WIDTHS } from './chromium.ts';
import { STATES } from './states.ts';

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
beforeEach(() => clock.advance(2 * 3_600_000));

/** LATCHKEY_TEST_SHOTS names a folder: then every look is also left there as a picture. */
const shots = process.env.LATCHKEY_TEST_SHOTS;

test.each(Object.entries(STATES))('%s: nothing for axe to find, in both themes and widths', async (name, act) => {
  const { context, page, complaints } = await openWindow(browser, server, { reducedMotion: 'reduce' });
  await act({ server, clock, context, page });
  for (const [width, viewport] of Object.entries(WIDTHS)) {
    await page.setViewportSize(viewport);
    for (const colorScheme of THEMES) {
      await page.emulateMedia({ colorScheme });
      await expectNoOverflow(page);
      if (shots) await page.screenshot({ path: join(shots, `${name}.${width}.${colorScheme}.png`), fullPage: true });
      expect(await axeViolations(page)).toEqual([]);
    }
  }
  expect(complaints).toEqual([]);
  await context.close();
});
