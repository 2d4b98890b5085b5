import { ProofNeeded } from '../../accounts/index.ts';
import { Failure } from '../../failure.ts';
import { TEXTS } from '../texts.ts';
import type { Answer } from './page.ts';

/** What was wrong with a form, in a person's words: at a field, or with the whole. */
export interface Problem {
  status: number;
  fields: Readonly<Record<string, string>>;
  whole: string | null;
  /** How long to wait, where that is what is wrong. */
  retryAfterSeconds?: number;
}

const MINUTE_SECONDS = 60;

const said = (message: string): string => TEXTS.said[message] ?? message;

function fieldText(message: string): string {
  const text = said(message);
  return text === message ? TEXTS.errors.field(message) : text;
}

/**
 * A refusal of a verb, for the form that asked. `names` maps the verb's fields to those of the form. What is no matter of
 * the form is thrown on.
 */
export function problemOf(error: unknown, names: Readonly<Record<string, string>> = {}): Problem {
  if (!(error instanceof Failure) || error instanceof ProofNeeded) throw error;
  const { code, status, details, message } = error;
  if (status >= 500 || code === 'invalid_token') throw error;
  if (code === 'validation_failed') {
    const found = (details.fields ?? []).map(
      ({ path, message: what }) => [names[path] ?? path, fieldText(what)] as const,
    );
    return { status, fields: Object.fromEntries(found), whole: null };
  }
  if (code === 'rate_limit_exceeded') {
    const retryAfterSeconds = Math.ceil(details.retryAfterSeconds ?? MINUTE_SECONDS);
    const whole = TEXTS.errors.tooMany(Math.ceil(retryAfterSeconds / MINUTE_SECONDS));
    return { status, fields: {}, whole, retryAfterSeconds };
  }
  // 401 belongs to HTTP authentication (RFC 9110 §15.5.2): a form has none.
  const shown = status === 401 ? 422 : status;
  return { status: shown, fields: {}, whole: code === 'invalid_credentials' ? null : said(message) };
}

/** The fields that stand empty, each with the words for it; null when all are filled. */
export function missing(form: URLSearchParams, names: readonly string[]): Problem | null {
  const empty = names.filter((name) => (form.get(name) ?? '').trim() === '');
  if (empty.length === 0) return null;
  return { status: 422, fields: Object.fromEntries(empty.map((name) => [name, TEXTS.errors.empty])), whole: null };
}

/** A problem at one field. */
export function atField(problem: Problem, name: string, text: string): Problem {
  return { ...problem, fields: { ...problem.fields, [name]: text }, whole: null };
}

/** A page as the answer to its form: as it stands, or with what was wrong. */
export function withProblem(document: string, problem: Problem | null): Answer {
  if (problem === null) return { document };
  const { status, retryAfterSeconds } = problem;
  return { document, status, ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }) };
}
