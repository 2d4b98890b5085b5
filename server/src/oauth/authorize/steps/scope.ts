import { isScopeToken } from '@latchkey/protocol';
import { narrowScopes } from '../../scope.ts';
import { refuse } from '../authorization-error.ts';
import type { Step, StepInput } from './step.ts';

const LONGEST = 4000;

/** Those that the resource offers; who somebody is may be asked whatever the token is for. */
function offered({ facts: { catalogue, resources }, request }: StepInput, scope: string): boolean {
  return catalogue.get(scope)?.kind === 'identity' || resources.offering(scope).audience === request.audience;
}

/**
 * RFC 6749 §3.3, contract §5: unknown scopes are ignored, too wide ones narrowed; none asked for means all that the
 * application usually asks for.
 */
export const scope: Step = (input) => {
  const { params, application, facts } = input;
  const text = params.get('scope');
  const asked = text?.split(' ').filter((token) => token !== '') ?? application.usualScopes;
  if ((text?.length ?? 0) > LONGEST || !asked.every((token) => isScopeToken(token))) {
    return refuse('invalid_scope', 'scope is a list of scopes with single spaces between them.');
  }
  const scopes = narrowScopes(facts.catalogue, asked, application.scopes).filter((each) => offered(input, each));
  if (scopes.length > 0) return { scopes };
  return refuse('invalid_scope', 'This application may ask for none of these scopes at this resource.');
};
