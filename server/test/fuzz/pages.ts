import { PAGE_PATHS } from '../../src/accounts/mail/links.ts';
import type { Caller } from './callers.ts';
import type { Connection } from './wire.ts';

/** A form as it stands on a page. */
export interface PageForm {
  action: string;
  fields: readonly string[];
}

/** What there is for people, found by following every link of every page. */
export interface Pages {
  links: readonly string[];
  forms: readonly PageForm[];
}

const MOST_PAGES = 200;
const TOKEN = 'A'.repeat(43);

const unescaped = (text: string) => text.replaceAll('&amp;', '&').replaceAll('&quot;', '"');

function formsOf(document: string): PageForm[] {
  return [...document.matchAll(/<form[^>]* action="([^"]+)"[^>]*>(.*?)<\/form>/gs)].map(
    ([, action = '', inner = '']) => ({
      action: unescaped(action),
      fields: [...inner.matchAll(/ name="([^"]+)"/g)].map(([, name = '']) => name),
    }),
  );
}

async function visit(connection: Connection, caller: Caller, path: string) {
  const cookie = caller.cookie === undefined ? '' : `Cookie: ${caller.cookie}\r\n`;
  const head = `GET ${path} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n${cookie}\r\n`;
  const reply = await connection.send(Buffer.from(head), false);
  if (typeof reply === 'string') throw new Error(`${path}: ${reply}`);
  return reply;
}

/** The caller with the token that their forms carry; one who is nobody yet gets a visitor's cookie. */
export async function withFormToken(connection: Connection, caller: Caller): Promise<Caller> {
  const { headers, text } = await visit(connection, caller, caller.isPerson ? '/account/password' : '/sign-in');
  const formToken = / name="form_token" value="([^"]+)"/.exec(text)?.[1];
  if (formToken === undefined) throw new Error(`no form was shown to ${caller.name}`);
  const visitor = /latchkey_visitor=[\w-]+/.exec(headers.get('set-cookie') ?? '')?.[0];
  return { ...caller, formToken, ...(caller.cookie === undefined && visitor ? { cookie: visitor } : {}) };
}

/** Follows links from the entrances, and from where mails lead, as each of the callers. */
export async function discoverPages(connection: Connection, callers: readonly Caller[]): Promise<Pages> {
  const links = new Set<string>();
  const forms = new Map<string, PageForm>();
  for (const caller of callers) {
    const seen = new Set<string>();
    const left = ['/', '/account', ...Object.values(PAGE_PATHS).flatMap((path) => [path, `${path}?token=${TOKEN}`])];
    for (let path = left.shift(); path !== undefined && seen.size < MOST_PAGES; path = left.shift()) {
      if (seen.has(path)) continue;
      seen.add(path);
      const { headers, text } = await visit(connection, caller, path);
      for (const each of formsOf(text)) forms.set(`${each.action} ${each.fields.join()}`, each);
      const found = [...text.matchAll(/ href="(\/[^"#]*)"/g)].map(([, href = '']) => unescaped(href));
      const location = headers.get('location');
      left.push(...found, ...(location?.startsWith('/') ? [location] : []));
    }
    for (const path of seen) links.add(path);
  }
  return { links: [...links], forms: [...forms.values()] };
}

/** Whether a path is one of the pages' own: their first parts, as they were found. */
export function pageFinder({ links, forms }: Pages): (path: string) => boolean {
  const first = (path: string) => path.split(/[/?#]/)[1] ?? '';
  const rooms = new Set([...links, ...forms.map(({ action }) => action)].map(first));
  return (path) => rooms.has(first(path));
}
