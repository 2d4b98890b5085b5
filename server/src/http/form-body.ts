import { OAuthFailure } from '../failure.ts';

/** Parameters in the order in which they came; names and values are nothing but text. */
export type Pairs = readonly (readonly [name: string, value: string])[];

const MAX_PARAMETERS = 200;

function invalid(description: string): OAuthFailure {
  return new OAuthFailure('invalid_request', description);
}

const tooMany = () => invalid(`A request may have ${MAX_PARAMETERS} parameters.`);

const ENCODED = /[%+]/;

/** What a database could not keep. */
function storable(text: string): string {
  if (text.includes('\0') || !text.isWellFormed()) {
    throw invalid('A parameter contains NUL or half of a surrogate pair.');
  }
  return text;
}

function decoded(text: string): string {
  try {
    return storable(ENCODED.test(text) ? decodeURIComponent(text.replaceAll('+', ' ')) : text);
  } catch (error) {
    if (error instanceof OAuthFailure) throw error;
    throw invalid('A parameter is not percent-encoded UTF-8.');
  }
}

/** `application/x-www-form-urlencoded`, strictly: what is not UTF-8 is refused, not replaced. */
export function readFormText(text: string): Pairs {
  if (text === '') return [];
  const parts = text.split('&', MAX_PARAMETERS + 1);
  if (parts.length > MAX_PARAMETERS) throw tooMany();
  return parts
    .filter((part) => part !== '')
    .map((part) => {
      const mark = part.indexOf('=');
      if (mark === -1) return [decoded(part), ''];
      return [decoded(part.slice(0, mark)), decoded(part.slice(mark + 1))];
    });
}

const NAMES = /"(?:[^"\\]|\\.)*"\s*(:)?/g;

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw invalid('The body is not valid JSON.');
  }
}

/** A flat JSON object of texts with the same names (contract §6). `JSON.parse` keeps the last of two members: refused. */
export function readFlatJson(json: string): Pairs {
  if (json.trim() === '') return [];
  const value = parse(json);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid('The JSON body must be an object.');
  }
  const pairs = Object.entries(value);
  if (pairs.length > MAX_PARAMETERS) throw tooMany();
  for (const [, each] of pairs) if (typeof each !== 'string') throw invalid('Every parameter in JSON is a string.');
  let names = 0;
  for (const [, colon] of json.matchAll(NAMES)) if (colon !== undefined) names += 1;
  if (names !== pairs.length) throw invalid('A parameter occurs twice.');
  return pairs.map(([name, each]) => [storable(name), storable(each as string)]);
}

export interface Parameters {
  /** Without `resource`, and without those that came empty (RFC 6749 §3.1). */
  params: ReadonlyMap<string, string>;
  /** RFC 8707 §2: the one parameter that may occur more than once. */
  resources: readonly string[];
}

/** RFC 6749 §3.1 and §3.2: no parameter twice. */
export function parametersOf(pairs: Pairs): Parameters {
  const seen = new Set<string>();
  const params = new Map<string, string>();
  const resources: string[] = [];
  for (const [name, value] of pairs) {
    if (name === 'resource') {
      if (value !== '') resources.push(value);
      continue;
    }
    if (seen.has(name)) throw invalid('A parameter occurs twice.');
    seen.add(name);
    if (value !== '') params.set(name, value);
  }
  return { params, resources };
}
