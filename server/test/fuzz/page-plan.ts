import type { Caller } from './callers.ts';
import type { Dice } from './dice.ts';
import type { Draft } from './draft.ts';
import { fittingValue, type Source } from './fitting-values.ts';
import type { Operation } from './operations.ts';
import type { PageForm, Pages } from './pages.ts';
import { HOSTILE_TEXTS } from './values.ts';

const operation = (method: string, template: string): Operation => ({
  method,
  template,
  collection: 'pages',
  tag: 'pages',
  isPublic: true,
  parameters: [],
  body: null,
  replies: new Map(),
});

/** A form whose success would end the caller's session, and leave nobody to send the rest. */
const ENDS = /sign-out|sign-in|sign-up|\/sessions|\/invitations/;

function tokenOf(caller: Caller, form: PageForm, { dice, world }: Source, done: string[]): string[] {
  const isSpared = caller.isPerson === true && ENDS.test(form.action);
  if (isSpared || dice.chance(0.25)) {
    done.push(isSpared ? 'spared' : 'another form token');
    const others = world.callers.flatMap(({ name, formToken }) => (name === caller.name ? [] : (formToken ?? [])));
    return dice.pick([[], [dice.pick(HOSTILE_TEXTS)], [''], others.slice(0, 1), ['a', 'b']]);
  }
  return [caller.formToken ?? ''];
}

/** What somebody types, and what nobody would. */
function fieldsOf(caller: Caller, form: PageForm, source: Source, done: string[]): [string, string][] {
  const { dice } = source;
  return form.fields.flatMap((name): [string, string][] => {
    if (name === 'form_token') return tokenOf(caller, form, source, done).map((text) => [name, text]);
    if (dice.chance(0.05)) return [];
    const isHostile = dice.chance(0.2);
    const schema = { type: 'string', maxLength: 300 };
    const text = isHostile ? dice.pick(HOSTILE_TEXTS) : String(fittingValue(name, schema, source));
    const times = dice.chance(0.03) ? 2 : 1;
    return Array.from({ length: times }, () => [name, text]);
  });
}

function encoded(fields: readonly [string, string][], dice: Dice, done: string[]): Buffer {
  const bytes = Buffer.from(new URLSearchParams(fields.map(([name, text]) => [name, text.toWellFormed()])).toString());
  if (!dice.chance(0.1)) return bytes;
  done.push('form: odd bytes');
  const at = dice.below(bytes.length + 1);
  const odd = dice.pick(['%', '%zz', '%ff', '\0', '%00', '&&&', '=', '+'.repeat(2000), '\xff', '&__proto__=1']);
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(odd, 'latin1'), bytes.subarray(at)]);
}

function siteHeaders(dice: Dice): Draft['headers'] {
  if (dice.chance(0.75)) return [['Sec-Fetch-Site', 'same-origin']];
  return dice.pick<Draft['headers']>([
    [],
    [['Sec-Fetch-Site', 'cross-site']],
    [['Origin', 'null']],
    [['Origin', 'https://evil.example']],
  ]);
}

/** Somebody at a browser: a link that is followed, or a form that is sent. */
export function pageDraft(index: number, pages: Pages, caller: Caller, source: Source): Draft {
  const { dice } = source;
  const isForm = dice.chance(0.6);
  const form = dice.pick(pages.forms);
  const [path = '/', query] = (isForm ? form.action : dice.pick(pages.links)).split('?', 2);
  const draft: Draft = {
    index,
    caller,
    operation: operation(isForm ? 'POST' : 'GET', path),
    method: isForm ? 'POST' : 'GET',
    path,
    query: query === undefined ? [] : query.split('&'),
    headers: caller.cookie === undefined ? [] : [['Cookie', caller.cookie]],
    body: null,
    framing: 'whole',
    saidLength: '',
    mutations: [],
  };
  if (caller.credential !== null) draft.headers.push(['Authorization', `Bearer ${caller.credential}`]);
  if (dice.chance(0.9)) draft.headers.push(['Accept', 'text/html,application/xhtml+xml']);
  if (!isForm) return draft;
  draft.headers.push(...siteHeaders(dice));
  const type = dice.chance(0.95) ? 'application/x-www-form-urlencoded' : dice.pick(['application/json', 'text/plain']);
  draft.headers.push(['Content-Type', type]);
  draft.body = encoded(fieldsOf(caller, form, source, draft.mutations), dice, draft.mutations);
  return draft;
}
