import { refuse } from '../authorization-error.ts';
import { PROMPTS } from '../request.ts';
import type { Step } from './step.ts';

/** OpenID Connect Core §3.1.2.1: `none` stands alone (security A17). */
export const prompt: Step = ({ params }) => {
  const asked = new Set((params.get('prompt') ?? '').split(' ').filter((word) => word !== ''));
  const prompts = PROMPTS.filter((known) => asked.has(known));
  if (prompts.length !== asked.size) {
    return refuse('invalid_request', 'prompt is none, or some of login, consent and select_account.');
  }
  if (prompts.includes('none') && prompts.length > 1) return refuse('invalid_request', 'prompt none stands alone.');
  return { prompts };
};
