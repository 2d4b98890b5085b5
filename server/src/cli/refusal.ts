import { EXIT } from './exit-codes.ts';

/** A command line that cannot be understood; the message says what can be typed instead. */
export class UsageError extends Error {
  /** The command that was meant, for `latchkey … --help`; empty when none was. */
  readonly path: string;
  constructor(message: string, path = '') {
    super(message);
    this.name = 'UsageError';
    this.path = path;
  }
}

/** A command that could not do its work: one or more plain sentences, and the exit code. */
export class CommandFailure extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode: number = EXIT.failed) {
    super(message);
    this.name = 'CommandFailure';
    this.exitCode = exitCode;
  }
}

/** Ctrl-C. */
export class Interrupted extends CommandFailure {
  constructor(message = 'interrupted') {
    super(message, EXIT.interrupted);
    this.name = 'Interrupted';
  }
}
