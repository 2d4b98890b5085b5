// Boundary: people and tenants: accounts, passwords, second factors, sessions, mails; workspaces, members, invitations.
// Rooms: sign-in, sign-up, recovery, passwords, factors, guessing, sessions, mail, users, members; account-api holds the
// routes of one's own account. Owns users, members, workspaces, invitations, sessions, factors, challenges, mail.
// A credential belongs to a workspace, never to the person who made it; keys and tokens live in their own domains.
import type { SealedColumn } from '../sealed-values/index.ts';
import { factorsMigrations } from './factors/tables.ts';
import { totpSealedColumn } from './factors/totp.ts';
import { mailSealedColumn } from './mail/outbox.ts';
import { mailMigrations } from './mail/tables.ts';
import { invitationsMigrations } from './members/tables.ts';
import { mailTokensMigrations } from './recovery/tables.ts';
import { sessionsMigrations } from './sessions/tables.ts';

export { accountRoutes } from './account-api/account-routes.ts';
export { entryRoutes } from './account-api/entry-routes.ts';
export { factorRoutes } from './account-api/factor-routes.ts';
export { BINDING_COOKIE, passkeyRoutes } from './account-api/passkey-routes.ts';
export { readAssertion, readAttestation } from './account-api/passkey-texts.ts';
export { secondFactorNeeded } from './account-api/shared.ts';
export {
  disablePersonAfterRestore,
  endVisits,
  noteRestored,
  restoredAtMs,
  suspendAfterRestore,
} from './after-restore.ts';
export { type AccountsDeps, createFirstWorkspace, createWorkspace } from './create-workspace.ts';
export { regenerateBackupCodes } from './factors/backup-codes.ts';
export { addPasskey, offerPasskey, removePasskey, renamePasskey } from './factors/enrol-passkey.ts';
export {
  confirmAuthenticator,
  type OfferedTotp,
  offerAuthenticator,
  removeAuthenticator,
} from './factors/enrol-totp.ts';
export { createGuesses, type Guesses } from './guessing/guesses.ts';
export { devMailRoute, refuseForeignHost } from './mail/dev-route.ts';
export { PAGE_PATHS, pageLink } from './mail/links.ts';
export { createOutbox, type Outbox } from './mail/outbox.ts';
export { createKeptPost, createSmtpPost, type KeptMail, type Post } from './mail/post.ts';
export { acceptAsNewcomer, acceptAsPerson, listOwnInvitations, readInvitation } from './members/accept.ts';
export { changeRole, removeMember, transferOwnership } from './members/change-members.ts';
export { declineAsPerson, declineByLink } from './members/decline.ts';
export { invite, revokeInvitation } from './members/invite.ts';
export { ROLE_SCOPES, ROLES } from './members/roles.ts';
export { memberRoutes } from './members/routes.ts';
export { type Standing, standingOf } from './members/store.ts';
export { declinedInvitationsMigrations } from './members/tables.ts';
export {
  listOwnSessions,
  listOwnWorkspaces,
  type OwnAccount,
  type OwnWorkspace,
  peekMailLink,
  readOwnAccount,
} from './own-account.ts';
export { hashPassword } from './password.ts';
export { changePassword } from './passwords/change-password.ts';
export { LONGEST_PASSWORD, PASSWORD_MAX_LENGTH, SHORTEST_PASSWORD } from './passwords/policy.ts';
export {
  type EndSessionTokens,
  type EndTokens,
  type People,
  personActor,
  type RenewTokens,
  type SessionEnds,
  type SignedIn,
  type SignUpPolicy,
  type Visit,
} from './people.ts';
export { pruneAccounts } from './prune.ts';
export { completeEmailChange, requestEmailChange } from './recovery/change-email.ts';
export { completeRecovery, requestRecovery } from './recovery/recover.ts';
export { completeVerification, requestVerification } from './recovery/verify-email.ts';
export { createWorkspaces, type Workspaces } from './resolve-workspace.ts';
export { dropSession, endOtherSessions, endSession } from './sessions/end.ts';
export { hasRecentProof, ProofNeeded, requireRecentProof } from './sessions/recent-proof.ts';
export { createSessions, type SessionRecord, type SessionResolver } from './sessions/resolve.ts';
export { presentSession } from './sessions/session.ts';
export { type StartedSession, startSession } from './sessions/start.ts';
export { holdSession, sessionById } from './sessions/store.ts';
export { switchSession } from './sessions/switch.ts';
export { sessionKindsMigrations } from './sessions/tables.ts';
export { ACR_VALUES, acrOf, isAcr, meetsAcr } from './sign-in/acr.ts';
export { amrOf } from './sign-in/amr.ts';
export { passSecondFactor, passSignIn } from './sign-in/pass.ts';
export {
  askPasskey,
  askPasskeyFactor,
  askPasskeyProof,
  passPasskey,
  passPasskeyFactor,
  proveByPasskey,
} from './sign-in/passkey.ts';
export {
  endedChallenge,
  type Finish,
  type Passed,
  type Proof,
  type ProofMethod,
  provesSecondFactor,
  type SecondFactorNeeded,
} from './sign-in/proof.ts';
export { proveAgain } from './sign-in/prove-again.ts';
export { completeSignUp, signUp } from './sign-up/sign-up.ts';
export { accountsMigrations } from './tables.ts';
export { type Identity, identityOf } from './users/identity.ts';
export { isPersonDisabled } from './users/owner-state.ts';
export { LONGEST_PERSON_NAME, renameSelf } from './users/rename-self.ts';
export { requirePerson } from './users/require-person.ts';
export { userRoutes } from './users/routes.ts';
export { presentSelf } from './users/user.ts';
export { endedCookieLine, presentedSessionOf, sessionCookieLines, signedInOf, visitOf } from './visit.ts';
export type { WorkspaceFacts } from './workspace.ts';
export { workspaceRoutes } from './workspace-routes.ts';

/** Those of the rooms, after the first one of the domain. */
export const peopleMigrations = [
  ...sessionsMigrations,
  ...mailMigrations,
  ...mailTokensMigrations,
  ...factorsMigrations,
  ...invitationsMigrations,
];

/** Where this domain keeps what is sealed. */
export const accountsSealedColumns: readonly SealedColumn[] = [totpSealedColumn, mailSealedColumn];
export { createSlowHashes, type SlowHashes } from './slow-hashes.ts';
