export interface SettingHelp {
  name: string;
  default: string;
  description: string;
}

const COMMANDS = [
  ['serve [--json]', 'Run the server. --json prints one line of JSON on stdout when it is ready.'],
  ['migrate [--dry-run]', 'Bring the database up to date; --dry-run prints the statements instead.'],
  ['audit verify', 'Check every seal of the audit log; exit code 1 when something does not fit.'],
  ['secrets generate', 'Print a root key and an encryption key for a production server.'],
  ['help, version', ''],
] as const;

/** The help text: commands, then every setting with its default. */
export function helpText(settings: readonly SettingHelp[]): string {
  const commands = COMMANDS.map(([name, text]) => `  latchkey ${name.padEnd(22)}${text}`.trimEnd());
  const environment = settings.map(
    (setting) => `  ${setting.name.padEnd(26)}${setting.description} [${setting.default}]`,
  );
  return ['Usage:', ...commands, '', 'Settings (environment variables) [default]:', ...environment, ''].join('\n');
}
