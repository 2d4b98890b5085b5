import type { ComponentChildren, VNode } from 'preact';
import { renderToString } from 'preact-render-to-string';

export { html } from 'htm/preact';
/** What stands between two tags. Text in it is escaped when it is rendered; there is no other way in. */
export type Markup = ComponentChildren;

export function render(page: VNode): string {
  return `<!doctype html>${renderToString(page)}`;
}
