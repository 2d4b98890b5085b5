import { rmSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startServer, stopServers, type TestServer, temporaryFolder } from '../harness.ts';
import { newCertificate } from '../running/certificate.ts';
import { openWindow, startChromium } from './chromium.ts';

const folder = temporaryFolder();
let server: TestServer;
let browser: Browser;
beforeAll(async () => {
  const { cert, key } = newCertificate(folder);
  // The harness lifts limits by a client that trusts no such certificate.
  server = await startServer({ limits: 'real', env: { LATCHKEY_TLS_CERT: cert, LATCHKEY_TLS_KEY: key } });
  browser = await startChromium();
});
afterAll(async () => {
  await browser?.close();
  await stopServers();
  rmSync(folder, { recursive: true, force: true });
});

test('over https and HTTP/2 a browser keeps the __Host- cookies, and is signed in by them', async () => {
  const { page, context, complaints } = await openWindow(browser, server, { ignoreHTTPSErrors: true });
  await page.goto('/account/sessions');
  const { owner } = server.firstStart ?? {};
  await page.getByLabel('Email').fill(owner?.email ?? '');
  await page.getByLabel('Password').fill(owner?.password ?? '');
  await page.getByRole('button', { name: 'Continue' }).click();
  await page.getByRole('heading', { name: 'Sessions', level: 1 }).waitFor();
  const cookies = await context.cookies();
  expect(cookies.map(({ name }) => name).sort()).toEqual(['__Host-latchkey_device', '__Host-latchkey_session']);
  expect(cookies.every(({ secure, httpOnly, path }) => secure && httpOnly && path === '/')).toBe(true);
  expect(complaints).toEqual([]);
});
