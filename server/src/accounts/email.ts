import { domainToASCII } from 'node:url';
import { invalidField } from '../failure.ts';

/** An address as it was typed, and the form in which addresses are compared. */
export interface Email {
  email: string;
  key: string;
}

const LONGEST = 254;
/** Letters, digits, dots and hyphens of any script: what else a URL parser takes for a port, a path or nothing at all. */
const TYPED_DOMAIN = /^[\p{L}\p{M}\p{N}.-]+$/u;
const LOCAL = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/;
const DOMAIN = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z][a-z0-9-]{0,61}[a-z0-9])$/;

/**
 * Reads an address: trimmed, the part before the `@` in ASCII (RFC 5321 without quoted strings), the domain with a dot,
 * an international one in its ASCII form: where mail goes and what is compared are one domain. Null for what is none.
 * Letter case never tells two people apart.
 */
export function readEmail(text: string): Email | null {
  const email = text.trim();
  const mark = email.lastIndexOf('@');
  if (mark < 1 || mark > 64 || email.length > LONGEST) return null;
  const local = email.slice(0, mark);
  const typed = email.slice(mark + 1);
  if (!TYPED_DOMAIN.test(typed)) return null;
  const domain = domainToASCII(typed).toLowerCase();
  if (!LOCAL.test(local) || !DOMAIN.test(domain)) return null;
  const shown = typed.toLowerCase() === domain ? typed : domain;
  return { email: `${local}@${shown}`, key: `${local.toLowerCase()}@${domain}` };
}

/** The same; throws `validation_failed` for what is no address. */
export function requireEmail(text: string, field = 'email'): Email {
  const email = readEmail(text);
  if (!email) throw invalidField(field, 'must be an email address, such as ada@example.com');
  return email;
}
