import type { SecretKind } from '@latchkey/protocol';

/** What became of a secret: what the server says of it, or that no server can be asked about its kind. */
export type CheckedStatus = 'live' | 'revoked' | 'disabled' | 'expired' | 'not_found' | 'cannot_be_checked';

const CHECKABLE: ReadonlySet<SecretKind> = new Set([
  'secret_test',
  'secret_live',
  'restricted_test',
  'restricted_live',
]);

/** API keys can be asked about; root keys, client secrets and tokens have no such question. */
export function canBeChecked(kind: SecretKind): boolean {
  return CHECKABLE.has(kind);
}

const DEAD: Readonly<Record<string, CheckedStatus>> = {
  revoked: 'revoked',
  disabled: 'disabled',
  expired: 'expired',
  not_found: 'not_found',
};

/** A key that is only kept from this call (quota, limit, address, scope) is alive. */
function statusOf(code: string): CheckedStatus {
  return DEAD[code] ?? 'live';
}

const AT_ONCE = 4;

/**
 * Asks about each secret once, a few at a time. `ask` gives the `code` of `POST /v1/api-keys/verify`; what it throws
 * ends the check. The result is by secret.
 */
export async function checkSecrets(
  secrets: ReadonlyMap<string, SecretKind>,
  ask: (secret: string) => Promise<string>,
): Promise<Map<string, CheckedStatus>> {
  const statuses = new Map<string, CheckedStatus>();
  const waiting = [...secrets].entries();
  const work = async () => {
    for (const [, [secret, kind]] of waiting) {
      statuses.set(secret, canBeChecked(kind) ? statusOf(await ask(secret)) : 'cannot_be_checked');
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return statuses;
}
