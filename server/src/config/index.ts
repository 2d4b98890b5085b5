// Boundary: the settings of one process, read once from the environment (contract §2). All problems are reported at
// once, each with its cure; secret values and references are resolved here and nowhere else.
export { type Config, ConfigError, type ConfigProblem } from './config.ts';
export { hasGeneratedEncryptionKeys, newEncryptionKey, prependEncryptionKey } from './generated-secrets.ts';
export { inspectSettings, type SettingReport, type SettingsReport } from './inspect-settings.ts';
export { type LocalInstallation, localInstallation } from './local-installation.ts';
export { type ReadConfigResult, readConfig } from './read-config.ts';
export type { Environment } from './secret-references.ts';
export { SETTINGS, type Setting } from './settings.ts';
