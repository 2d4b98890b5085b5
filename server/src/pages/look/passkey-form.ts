import type { Ui } from '../surface/page.ts';
import { TEXTS } from '../texts.ts';
import { html, type Markup } from './html.ts';

export interface PasskeyFormParts {
  action: string;
  /** Where the script gets what `navigator.credentials` needs. */
  optionsPath: string;
  does: 'get' | 'create';
  button: string;
  /** The second-factor challenge that it answers. */
  challenge?: string;
  hidden?: Readonly<Record<string, string>>;
  children?: Markup;
  isPrimary?: boolean;
}

/** A form that the browser's passkey fills. Hidden where there is no script, or no passkeys. */
export function passkeyForm(ui: Ui, parts: PasskeyFormParts): Markup {
  const { action, optionsPath, does, button, challenge, hidden = {}, children, isPrimary = false } = parts;
  return html`
    <form
      method="post"
      action=${ui.at(action)}
      class="passkey"
      novalidate
      hidden
      data-needs-passkeys
      data-passkey=${does}
      data-options=${ui.at(optionsPath)}
      data-challenge=${challenge}
      data-failed=${TEXTS.passkeys.failed}
    >
      <input type="hidden" name="form_token" value=${ui.formToken} />
      <input type="hidden" name="credential" value="" />
      ${Object.entries(hidden).map(([name, value]) => html`<input type="hidden" name=${name} value=${value} />`)}
      ${children}
      <p class="field-problem" role="alert" data-passkey-status hidden></p>
      <button class=${isPrimary ? 'primary' : 'secondary'} type="submit">${button}</button>
    </form>
  `;
}
