import type { Ui } from '../surface/page.ts';
import type { Problem } from '../surface/problem.ts';
import { html, type Markup } from './html.ts';

export interface FormParts {
  action: string;
  children: Markup;
  /** Fields that nobody sees. */
  hidden?: Readonly<Record<string, string | null>>;
  className?: string;
}

/** Whose password it is, for password managers: a field that people need not see (it must not be of type hidden). */
function hiddenField(name: string, value: string | null): Markup {
  if (name !== 'username') return html`<input type="hidden" name=${name} value=${value} />`;
  return html`<input type="text" name="username" value=${value} autocomplete="username" readonly hidden tabindex="-1" />`;
}

/** A form of these pages: it carries its token, and tells of its problems itself. */
export function form(ui: Ui, { action, children, hidden = {}, className }: FormParts): Markup {
  const fields = Object.entries(hidden).filter(([, value]) => value !== null);
  return html`
    <form method="post" action=${ui.at(action)} class=${className} novalidate>
      <input type="hidden" name="form_token" value=${ui.formToken} />
      ${fields.map(([name, value]) => hiddenField(name, value))} ${children}
    </form>
  `;
}

export interface FieldParts {
  name: string;
  label: string;
  type?: 'text' | 'email' | 'password';
  value?: string | undefined;
  autocomplete: string;
  inputmode?: 'numeric' | 'email' | 'text';
  hint?: Markup;
  /** Stands at the end of the label's line. */
  aside?: Markup;
  /** A link at the end of the label's line. By keyboard it comes after the field: who types goes from field to field. */
  way?: Markup;
  problem?: Problem | null;
  isFirst?: boolean;
  isOptional?: boolean;
  maxLength?: number;
  isCode?: boolean;
}

/** Where the cursor stands when the page opens: at the first field that is wrong, else where one begins. */
function hasFocus({ name, problem, isFirst = false }: FieldParts): boolean {
  const [firstWrong] = Object.keys(problem?.fields ?? {});
  return firstWrong === undefined ? isFirst : firstWrong === name;
}

/** A labelled field. What is wrong with it, and what helps, is tied to it for screen readers. */
export function field(parts: FieldParts): Markup {
  const { name, label, type = 'text', hint, aside, way, problem, isOptional = false, isCode = false } = parts;
  const wrong = problem?.fields[name];
  const described = [wrong === undefined ? [] : `${name}-problem`, hint ? `${name}-hint` : []].flat().join(' ');
  return html`
    <div class="field">
      <div class="field-head"><label for=${name}>${label}</label>${aside}</div>
      ${wrong !== undefined && html`<p class="field-problem" id=${`${name}-problem`}>${wrong}</p>`}
      <input
        id=${name}
        name=${name}
        type=${type}
        class=${isCode ? 'code' : undefined}
        value=${parts.value}
        autocomplete=${parts.autocomplete}
        autocapitalize="none"
        spellcheck="false"
        inputmode=${parts.inputmode}
        maxlength=${parts.maxLength}
        required=${!isOptional}
        aria-describedby=${described || undefined}
        aria-invalid=${wrong === undefined ? undefined : 'true'}
        autofocus=${hasFocus(parts)}
      />
      ${way && html`<div class="field-way">${way}</div>`}
      ${hint && html`<p class="hint" id=${`${name}-hint`}>${hint}</p>`}
    </div>
  `;
}

export function submit(text: string, { name, value }: { name?: string; value?: string } = {}): Markup {
  return html`<button class="primary" type="submit" name=${name} value=${value}>${text}</button>`;
}

/** What is wrong with the form as a whole. */
export function wholeProblem(problem: Problem | null | undefined): Markup {
  const text = problem?.whole;
  return text ? html`<p class="note danger" role="alert">${text}</p>` : null;
}

export function note(text: Markup, kind: 'notice' | 'warning' = 'notice'): Markup {
  return html`<div class=${`note ${kind}`} role="status">${text}</div>`;
}
