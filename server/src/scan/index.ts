// Boundary: finds our secrets in files, folders, git history and streams, by prefix and checksum; says which of them an
// allow list names and, when asked, which still work. Owns no table. What a secret looks like is said by
// @latchkey/protocol; what a finding looks like to people is said by `cli`. No finding holds the secret itself.
export { type Allowlist, AllowlistError, parseAllowlist } from './allowlist.ts';
export { type CheckedStatus, canBeChecked, checkSecrets } from './check.ts';
export type { Finding, OnFound, ScanReport } from './finding.ts';
export { GitError, scanGit } from './scan-git.ts';
export { scanStream } from './scan-stream.ts';
export { type ScanTreeOptions, scanTree } from './scan-tree.ts';
