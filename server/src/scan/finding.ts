import { redactSecrets, type SecretKind, type SecretText, secretHint } from '@latchkey/protocol';
import { sha256Hex } from '../crypto/index.ts';

/** One place where a secret stands. The secret itself is not part of it. */
export interface Finding {
  kind: SecretKind;
  /** Prefix and last four characters. */
  hint: string;
  /** SHA-256 of the secret in hex: what an allow list names it by. */
  sha256: string;
  /** `name`: in the name of the file; `message`: of a commit; `tag`: of an annotated tag. */
  in: 'content' | 'name' | 'message' | 'tag';
  /**
   * As it was reached from what was to be scanned; `-` for stdin, a tag's name for its text; null for a commit's message;
   * for a name in git history, the folder.
   */
  path: string | null;
  /** From 1; null in a name. */
  line: number | null;
  /** In bytes from the beginning of the line, from 1; null in a name. */
  column: number | null;
  /** In git history: the oldest commit that has it. */
  commit: string | null;
}

/** Hears of each place as it is found, with the secret, which must not be shown or kept longer than needed. */
export type OnFound = (finding: Finding, secret: string) => void;

export type Place = Pick<Finding, 'in' | 'path' | 'line' | 'column' | 'commit'>;

export function toFinding({ kind, text }: SecretText, place: Place): Finding {
  const path = place.path === null ? null : redactSecrets(place.path);
  return { kind, hint: secretHint(text), sha256: sha256Hex(text), ...place, path };
}

/** What was looked at. */
export interface ScanReport {
  /** Files, git objects or streams that were read to their end. */
  scanned: number;
  bytes: number;
  /** Files and folders that could not be read. */
  unreadable: number;
}
