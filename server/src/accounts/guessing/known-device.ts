import { hmacText, type RandomBytes, secretsEqual } from '../../crypto/index.ts';

/** A browser that people have signed in on, as its signed cookie says it. */
export interface Device {
  id: string;
  /** One tag for each person, newest last. */
  tags: readonly string[];
}

export const DEVICE_COOKIE = 'latchkey_device';
export const DEVICE_COOKIE_SECONDS = 365 * 24 * 3600;
const MOST_PEOPLE = 8;
const FORM = /^([\w-]{22})\.((?:[\w-]{16}~?){1,8})\.([\w-]{43})$/;

const tagOf = (key: Uint8Array, id: string, userId: string) => hmacText(key, `person ${id} ${userId}`).slice(0, 16);
const signatureOf = (key: Uint8Array, id: string, tags: string) => hmacText(key, `device ${id} ${tags}`);

/** What a cookie says; null for none, and for one that this installation did not sign. */
export function readDevice(key: Uint8Array, cookie: string | null): Device | null {
  const [, id, tags, signature] = FORM.exec(cookie ?? '') ?? [];
  if (id === undefined || tags === undefined || signature === undefined) return null;
  return secretsEqual(signature, signatureOf(key, id, tags)) ? { id, tags: tags.split('~') } : null;
}

/** The device's id, if this person has signed in on it; its attempts are then counted apart from everybody's. */
export function knownDeviceOf(key: Uint8Array, cookie: string | null, userId: string): string | null {
  const device = readDevice(key, cookie);
  return device?.tags.includes(tagOf(key, device.id, userId)) ? device.id : null;
}

/** The cookie after a person has signed in on it. It lets nobody in: it only says whose attempts these may be. */
export function rememberDevice(
  key: Uint8Array,
  cookie: string | null,
  userId: string,
  randomBytes: RandomBytes,
): string {
  const device = readDevice(key, cookie) ?? { id: Buffer.from(randomBytes(16)).toString('base64url'), tags: [] };
  const own = tagOf(key, device.id, userId);
  const tags = [...device.tags.filter((tag) => tag !== own), own].slice(-MOST_PEOPLE).join('~');
  return `${device.id}.${tags}.${signatureOf(key, device.id, tags)}`;
}
