import type { ScopeCatalogue } from '@latchkey/protocol';
import type { Environment, Principal } from '../http/index.ts';
import type { ApiKeyRow } from './tables.ts';

/** What many keys have in common, one object for all of them. */
export interface KeyKin {
  readonly workspaceId: string;
  readonly environment: Environment;
  readonly userId: string | null;
  readonly issuer: string;
  readonly grantedScopes: readonly string[];
  readonly scopes: ReadonlySet<string>;
  readonly allWorkspaces: boolean;
}

/** There may be a million of these: what is their own lies here, the rest with their kin. */
export class KeyPrincipal implements Principal {
  readonly credentialId: string;
  readonly expiresAtMs: number | null;
  readonly kin: KeyKin;

  constructor(id: string, expiresAtMs: number | null, kin: KeyKin) {
    this.credentialId = id;
    this.expiresAtMs = expiresAtMs;
    this.kin = kin;
  }

  get kind() {
    return 'api_key' as const;
  }
  get method() {
    return 'api_key' as const;
  }
  get workspaceId() {
    return this.kin.workspaceId;
  }
  get environment() {
    return this.kin.environment;
  }
  get userId() {
    return this.kin.userId;
  }
  get role() {
    return null;
  }
  get isOperator() {
    return false;
  }
  get subject() {
    return this.credentialId;
  }
  get subjectIssuer() {
    return this.kin.issuer;
  }
  get clientId() {
    return null;
  }
  get audience() {
    return null;
  }
  get signIn() {
    return null;
  }
  get grantedScopes() {
    return this.kin.grantedScopes;
  }
  get scopes() {
    return this.kin.scopes;
  }
  get allWorkspaces() {
    return this.kin.allWorkspaces;
  }
}

export type KinOf = (
  row: Pick<ApiKeyRow, 'workspace_id' | 'environment' | 'owner' | 'scopes' | 'all_workspaces'>,
  issuer: string,
) => KeyKin;

const MAX_KNOWN = 10_000;

/** Finds what a key has in common with others read before, for one state of the catalogue. */
export function createKinOf(catalogue: ScopeCatalogue): KinOf {
  const grants = new Map<string, Pick<KeyKin, 'grantedScopes' | 'scopes'>>();
  const known = new Map<string, KeyKin>();

  const granted = (scopesJson: string) => {
    const before = grants.get(scopesJson);
    if (before !== undefined) return before;
    const grantedScopes = JSON.parse(scopesJson) as string[];
    const grant = { grantedScopes, scopes: catalogue.expand(grantedScopes) };
    if (grants.size >= MAX_KNOWN) grants.clear();
    grants.set(scopesJson, grant);
    return grant;
  };

  return ({ workspace_id, environment, owner, scopes, all_workspaces }, issuer) => {
    const name = JSON.stringify([workspace_id, environment, owner, scopes, all_workspaces, issuer]);
    const before = known.get(name);
    if (before !== undefined) return before;
    const kin: KeyKin = {
      workspaceId: workspace_id,
      environment: environment === 'live' ? 'live' : 'test',
      userId: owner,
      issuer,
      ...granted(scopes),
      allWorkspaces: all_workspaces === 1,
    };
    if (known.size >= MAX_KNOWN) known.clear();
    known.set(name, kin);
    return kin;
  };
}
