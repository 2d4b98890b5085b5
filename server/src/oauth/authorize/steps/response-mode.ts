import { refuse } from '../authorization-error.ts';
import type { ResponseMode } from '../request.ts';
import type { Step } from './step.ts';

const MODES: readonly ResponseMode[] = ['query', 'form_post'];

/** The mode that errors are told in too: the one asked for, if it is one of ours. */
export function responseModeOf(asked: string | null): ResponseMode {
  return MODES.find((mode) => mode === asked) ?? 'query';
}

/** OAuth 2.0 Multiple Response Types §2.1, Form Post Response Mode §2. */
export const responseMode: Step = ({ params }) => {
  const asked = params.get('response_mode');
  if (asked === null || MODES.some((mode) => mode === asked)) return {};
  return refuse('invalid_request', 'response_mode is query or form_post.');
};
