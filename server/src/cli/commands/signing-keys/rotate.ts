import { command, serverOptions, yesOption } from '../../command.ts';
import { EXIT } from '../../exit-codes.ts';
import { type SigningKeyJson, showSigningKey } from './present.ts';

export const signingKeysRotate = command({
  path: 'signing-keys rotate',
  summary: 'Let the next signing key sign, once verifiers know it (root key)',
  text: [
    'No token fails: the key before stays published until its last token has expired. Keys are rotated every thirty days ' +
      'without this.',
    'With --emergency, whatever the active and previous keys signed is refused everywhere, at once. Refresh tokens still ' +
      'work.',
  ],
  examples: [
    { line: 'latchkey signing-keys rotate', what: 'Now, or as soon as the next one was published for six minutes' },
    { line: 'latchkey signing-keys rotate --emergency', what: 'The key has leaked; asks first' },
  ],
  options: {
    algorithm: { type: 'text', value: 'NAME', description: 'Whose key', choices: ['ES256', 'RS256', 'EdDSA'] },
    emergency: { type: 'flag', description: 'At once: every token signed so far is refused' },
    ...yesOption,
    ...serverOptions,
  },
  run: async (context) => {
    const { algorithm, emergency, json } = context.options;
    const body = { ...(algorithm === undefined ? {} : { algorithm }), ...(emergency ? { emergency } : {}) };
    const api = await context.openApi();
    if (emergency) await context.confirm(`Refuse every token that was signed so far at ${api.server}?`);
    const reply = await api.call('/v1/signing-keys/rotate', { method: 'POST', body });
    const { state, active_at: activeAt } = reply.json as SigningKeyJson;
    showSigningKey(context, reply, { json, hasPem: false });
    if (state === 'next') context.err(`Planned: verifiers must know the key first. It signs from ${activeAt}.\n`);
    return EXIT.done;
  },
});
