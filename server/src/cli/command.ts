import type { Context } from './context.ts';
import type { CommandFacts, OptionSpecs, PositionalSpecs } from './specs.ts';

export { jsonOption, serverOptions, yesOption } from './specs.ts';

export interface CommandSpec<O extends OptionSpecs, P extends PositionalSpecs> extends CommandFacts {
  positionals?: P;
  options?: O;
  /** Resolves to the exit code; refusals are thrown. */
  run(context: Context<O, P>): Promise<number>;
}

/** A command as data: parsed, explained and completed from this alone. */
export type Command = CommandSpec<OptionSpecs, PositionalSpecs>;

/** Declares a command; `run` gets its options and positionals with their types. */
export function command<const O extends OptionSpecs = OptionSpecs, const P extends PositionalSpecs = PositionalSpecs>(
  spec: CommandSpec<O, P>,
): Command {
  return spec as Command;
}
