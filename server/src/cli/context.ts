import { setImmediate as immediate } from 'node:timers/promises';
import { type Api, openApi } from './api/client.ts';
import type { Host } from './host.ts';
import { type Installation, type OpenInstallationOptions, openInstallation } from './installation.ts';
import { createProgress, type Progress } from './progress.ts';
import { confirm, readSecret } from './prompts.ts';
import type { CommandFacts, OptionSpecs, OptionValues, PositionalSpecs, PositionalValues } from './specs.ts';
import { createStyle, jsonText, type Style, wantsColors } from './style.ts';
import { type Cell, type Column, fieldsText, tableText } from './table.ts';

/** What a command works with. */
export interface Context<O extends OptionSpecs = OptionSpecs, P extends PositionalSpecs = PositionalSpecs> {
  options: OptionValues<O>;
  positionals: PositionalValues<P>;
  host: Host;
  /** Every command, for help and completion. */
  commands: readonly CommandFacts[];
  /** Emphasis for stdout, and for stderr. */
  style: Style;
  errStyle: Style;
  out(text: string): void;
  err(text: string): void;
  /** To stdout, and waits while the reader is slow: for output of any length. */
  write(text: string): Promise<void>;
  /** One line of JSON on stdout. */
  json(value: unknown): void;
  table<T>(columns: readonly Column<T>[], rows: readonly T[]): void;
  fields(fields: readonly (readonly [string, Cell])[]): void;
  progress(label: string, total: number | null): Progress;
  /** Asks unless `--yes` was given; throws when the answer is no, or nobody can be asked. */
  confirm(question: string): Promise<void>;
  /** From a pipe, or typed without echo. */
  readSecret(question: string): Promise<string>;
  /** The server that the options, the environment or the context name. For commands with `serverOptions`. */
  openApi(): Promise<Api>;
  openInstallation(options?: OpenInstallationOptions): Promise<Installation>;
}

export interface Parsed {
  command: CommandFacts;
  options: Record<string, unknown>;
  positionals: Record<string, unknown>;
}

export function createContext(host: Host, commands: readonly CommandFacts[], parsed: Parsed): Context {
  const { stdout, stderr, environment, clock } = host;
  const { command, options, positionals } = parsed;
  const style = createStyle(wantsColors(stdout, environment));
  const out = (text: string) => void stdout.write(text);
  return {
    options: options as OptionValues<OptionSpecs>,
    positionals: positionals as PositionalValues<PositionalSpecs>,
    host,
    commands,
    style,
    errStyle: createStyle(wantsColors(stderr, environment)),
    out,
    err: (text) => void stderr.write(text),
    write: async (text) => {
      await new Promise<void>((resolve) => stdout.write(text, () => resolve()));
      // SQLite answers without waiting: nothing else would ever get its turn, and what was written would pile up.
      await immediate();
    },
    json: (value) => out(`${jsonText(value)}\n`),
    table: (columns, rows) => out(tableText(columns, rows, style, stdout.isTTY ? stdout.columns : undefined)),
    fields: (fields) => out(fieldsText(fields, style)),
    progress: (label, total) => createProgress(stderr, clock, label, total),
    confirm: async (question) => {
      if (options.yes !== true) await confirm(host, question, command.path);
    },
    readSecret: (question) => readSecret(host, question, command.path),
    openApi: () => openApi(host, options, command.path),
    openInstallation: (wanted) => openInstallation(host, wanted),
  };
}
