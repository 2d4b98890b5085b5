import { toTimestamp } from '../../clock.ts';
import type { SessionRow } from './tables.ts';

const DAY_MS = 86_400_000;

/** How long a session lives without being used, and at most. */
export const SESSION_IDLE_MS = 7 * DAY_MS;
export const SESSION_LIFETIME_MS = 30 * DAY_MS;
/** How long one lives that a login by API began: as long as its refresh tokens. */
export const TOKENS_IDLE_MS = 30 * DAY_MS;
export const TOKENS_LIFETIME_MS = 365 * DAY_MS;
/** How many a person has at most: the one idle the longest gives way to a new one. */
export const MOST_SESSIONS = 100;
/** How long ago a person may have proved who they are, to change what protects their account. */
export const RECENT_PROOF_MS = 15 * 60_000;

const BROWSERS: readonly (readonly [RegExp, string])[] = [
  [/\bEdg(?:e|A|iOS)?\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\b(?:Firefox|FxiOS)\//, 'Firefox'],
  [/\b(?:Chrome|Chromium|CriOS)\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
  [/^curl\//, 'curl'],
];
const SYSTEMS: readonly (readonly [RegExp, string])[] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bMac OS X\b|\bMacintosh\b/, 'macOS'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bLinux\b/, 'Linux'],
];

const LONGEST_LOOK = 512;

/** "Firefox on Linux": words of ours alone, whatever the header says. */
export function deviceLabel(userAgent: string | null): string {
  const text = (userAgent ?? '').slice(0, LONGEST_LOOK);
  const find = (list: typeof BROWSERS) => list.find(([pattern]) => pattern.test(text))?.[1];
  const [browser, system] = [find(BROWSERS), find(SYSTEMS)];
  if (browser && system) return `${browser} on ${system}`;
  return browser ?? system ?? 'Unknown device';
}

/** A session as its person sees it. */
export function presentSession(row: SessionRow, currentId: string | null) {
  return {
    id: row.id,
    kind: row.kind,
    device: row.device,
    address: row.address,
    methods: JSON.parse(row.methods) as string[],
    workspace_id: row.workspace_id,
    environment: row.environment,
    created_at: toTimestamp(row.created_at),
    last_seen_at: toTimestamp(row.seen_at),
    expires_at: toTimestamp(row.expires_at),
    current: row.id === currentId,
  };
}
