import type { KeyObject } from 'node:crypto';
import { hmacText, type RandomBytes, secretsEqual } from '../../crypto/index.ts';
import { Failure } from '../../failure.ts';
import { TEXTS } from '../texts.ts';

/** Before somebody signs in, their forms belong to this cookie. */
export const VISITOR_COOKIE = 'latchkey_visitor';
const VISITOR_FORM = /^[\w-]{22}$/;

export function newVisitorText(randomBytes: RandomBytes): string {
  return Buffer.from(randomBytes(16)).toString('base64url');
}

export const isVisitorText = (text: string | undefined): text is string => VISITOR_FORM.test(text ?? '');

/** What the forms of a session, or of a visitor's cookie, carry: nobody else can know it (security A13, N2). */
export function formToken(key: KeyObject, owner: { session: string } | { visitor: string }): string {
  return hmacText(key, 'session' in owner ? `session ${owner.session}` : `visitor ${owner.visitor}`);
}

/** Throws `forbidden` when a form does not carry its owner's token. */
export function refuseForeignToken(expected: string, given: string | null): void {
  if (given === null || !secretsEqual(expected, given)) throw new Failure('forbidden', TEXTS.errors.oldForm);
}
