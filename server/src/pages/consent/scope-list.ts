import type { ScopeCatalogue } from '../../scopes/index.ts';
import { html, type Markup } from '../look/html.ts';
import { TEXTS } from '../texts.ts';

export interface ShownScope {
  text: string;
  isSensitive: boolean;
  isNew: boolean;
}

/** What scopes allow, in plain words: sensitive ones first, and what says the same once. Pure. */
export function shownScopes(
  catalogue: ScopeCatalogue,
  scopes: readonly string[],
  before: readonly string[] | null,
): ShownScope[] {
  const held = before === null ? null : catalogue.expand(before);
  const byText = new Map<string, ShownScope>();
  for (const name of scopes) {
    const scope = catalogue.get(name);
    const text = scope?.description ?? name;
    const isNew = held !== null && catalogue.beyond([name], held).length > 0;
    byText.set(text, { text, isSensitive: scope?.sensitive ?? false, isNew });
  }
  const all = [...byText.values()];
  return [...all.filter(({ isSensitive }) => isSensitive), ...all.filter(({ isSensitive }) => !isSensitive)];
}

export function scopeList(scopes: readonly ShownScope[]): Markup {
  return html`
    <ul class="scopes">
      ${scopes.map(
        ({ text, isSensitive, isNew }) => html`
          <li class=${isSensitive ? 'sensitive' : undefined}>
            <span>${text}</span>
            ${isNew && html`<span class="badge on">${TEXTS.consent.isNew}</span>`}
            ${isSensitive && html`<span class="badge off">${TEXTS.consent.sensitive}</span>`}
          </li>
        `,
      )}
    </ul>
  `;
}
