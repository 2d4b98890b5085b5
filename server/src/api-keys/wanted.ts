import { isId, parseDurationMs } from '@latchkey/protocol';
import type { Static } from 'typebox';
import { parseCidr } from '../address.ts';
import { Failure, invalidField } from '../failure.ts';
import { expiryOf, type Principal } from '../http/index.ts';
import { limitsFromJson, type PlanTable } from '../limits/index.ts';
import { latestExpiryOf } from './authority.ts';
import type { NewKey } from './issue.ts';
import type { KeyChanges } from './patch.ts';
import type { keyPatchBody, newKeyBody } from './schemas.ts';

type NewKeyInput = Omit<Static<typeof newKeyBody>, 'workspace_id'>;
type PatchInput = Static<typeof keyPatchBody>;
type Settable = Pick<
  PatchInput,
  'expires_at' | 'expires_in' | 'rotate_after' | 'owner' | 'ip_allowlist' | 'plan' | 'limits'
>;

/** What must be known to read a body: who asks, when, where, and what exists. */
export interface ReadingContext {
  principal: Principal;
  workspaceId: string;
  nowMs: number;
  plans: PlanTable;
  isMember(workspaceId: string, userId: string): Promise<boolean>;
}

/** The list in one spelling; what is no network is named by its place. */
function addressesOf(list: readonly string[]): string[] {
  return list.map((text, index) => {
    const cidr = parseCidr(text);
    if (!cidr) throw invalidField(`ip_allowlist.${index}`, 'is not an address or CIDR, such as 203.0.113.0/24');
    return `${cidr.address}/${cidr.prefix}`;
  });
}

const OTHERS_ID = /^[a-z]{2,4}_[0-9A-Za-z]{24}$/;

/**
 * The owner is who the key speaks for: rows are its own by it, and proxies pass it on. Any label will do, but the id of
 * somebody else is given by root, or by a key that is `admin`.
 */
async function checkOwner(owner: string, { principal, workspaceId, isMember }: ReadingContext): Promise<void> {
  if (isId('user', owner) && !(await isMember(workspaceId, owner))) {
    throw invalidField('owner', 'is not a member of this workspace');
  }
  const mayName = principal.kind === 'root' || principal.scopes.has('admin') || owner === principal.userId;
  if (OTHERS_ID.test(owner) && !mayName) {
    throw new Failure('forbidden', 'Only the root key and admin keys make keys that speak for somebody else.');
  }
}

async function checkSettable(input: Settable, context: ReadingContext): Promise<void> {
  const { owner, plan, limits, rotate_after: rotateAfter } = input;
  const isRoot = context.principal.kind === 'root';
  if (owner != null) await checkOwner(owner, context);
  if (rotateAfter != null && parseDurationMs(rotateAfter) === null) {
    throw invalidField('rotate_after', 'must be a duration of at least 1s, such as 90d');
  }
  if (plan != null && !context.plans.has(plan)) throw invalidField('plan', 'is not a plan');
  if (plan != null && !isRoot && !context.plans.get(plan)?.offered) {
    throw new Failure('forbidden', 'This plan is given by the operator only.');
  }
  if (limits !== undefined && !isRoot) throw new Failure('forbidden', 'Own limits are given by the operator only.');
}

/** A wanted key, from a body that fits its schema. */
export async function newKeyOf(input: NewKeyInput, context: ReadingContext): Promise<NewKey> {
  await checkSettable(input, context);
  const { principal } = context;
  const expiresAtMs = expiryOf(input, context.nowMs);
  return {
    name: input.name.trim(),
    type: input.type ?? 'secret',
    environment: input.environment ?? principal.environment ?? 'test',
    workspaceId: context.workspaceId,
    scopes: input.scopes,
    expiresAtMs: expiresAtMs ?? latestExpiryOf(principal),
    rotateAfter: input.rotate_after ?? null,
    owner: input.owner ?? null,
    externalId: input.external_id ?? null,
    metadata: input.metadata ?? null,
    ipAllowlist: input.ip_allowlist ? addressesOf(input.ip_allowlist) : null,
    plan: input.plan ?? null,
    limits: input.limits ? limitsFromJson(input.limits) : null,
    quota: input.quota ?? null,
    allWorkspaces: input.all_workspaces ?? false,
  };
}

const json = (value: unknown) => (value === null ? null : JSON.stringify(value));

/** The columns that a patch changes. */
export async function changesOf(input: PatchInput, context: ReadingContext): Promise<KeyChanges> {
  await checkSettable(input, context);
  const expiresAtMs = expiryOf(input, context.nowMs);
  const { ip_allowlist: addresses, limits } = input;
  return {
    ...(input.name === undefined ? {} : { name: input.name.trim() }),
    ...(input.scopes === undefined ? {} : { scopes: JSON.stringify(input.scopes) }),
    ...(input.state === undefined ? {} : { disabled: input.state === 'disabled' ? 1 : 0 }),
    ...(input.owner === undefined ? {} : { owner: input.owner }),
    ...(input.external_id === undefined ? {} : { external_id: input.external_id }),
    ...(input.metadata === undefined ? {} : { metadata: JSON.stringify(input.metadata) }),
    ...(input.plan === undefined ? {} : { plan: input.plan }),
    ...(input.quota === undefined ? {} : { quota: json(input.quota) }),
    ...(input.rotate_after === undefined ? {} : { rotate_after: input.rotate_after }),
    ...(expiresAtMs === undefined ? {} : { expires_at: expiresAtMs }),
    ...(addresses === undefined ? {} : { ip_allowlist: json(addresses && addressesOf(addresses)) }),
    ...(limits === undefined ? {} : { limits: json(limits && { per_hour: null, per_second: null, ...limits }) }),
  };
}
