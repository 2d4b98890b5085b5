import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Config, ConfigError, type ConfigProblem } from './config.ts';
import { ENCRYPTION_KEYS_FILE, ROOT_KEY_FILE } from './generated-secrets.ts';
import { readConfig, unknownSettings } from './read-config.ts';
import type { Environment } from './secret-references.ts';
import { SETTINGS, type Setting } from './settings.ts';

/** A setting as it stands. The value of a secret is never part of it. */
export interface SettingReport {
  name: string;
  /** Null for a secret. */
  value: string | null;
  /** Where it comes from; `file` and `variable` are references of a secret. */
  source: 'default' | 'environment' | 'file' | 'variable' | 'generated' | 'unset';
  /** The path of `file` and `generated`, the name of `variable`. */
  reference: string | null;
}

export interface SettingsReport {
  settings: SettingReport[];
  /** Null when a server would not start. */
  config: Config | null;
  /** Why a server would not start. */
  problems: ConfigProblem[];
  /** Why a server with these settings would not start in production; empty when it is production already. */
  productionProblems: ConfigProblem[];
  unknownSettings: string[];
}

const GENERATED: Readonly<Record<string, string>> = {
  LATCHKEY_ROOT_KEY: ROOT_KEY_FILE,
  LATCHKEY_ENCRYPTION_KEYS: ENCRYPTION_KEYS_FILE,
};

/** What a setting comes to where nothing was said. */
function resolvedValue(setting: Setting, config: Config | null): string {
  if (!config) return setting.default;
  const values: Readonly<Record<string, string | undefined>> = {
    LATCHKEY_MODE: config.mode,
    LATCHKEY_DATA_DIR: config.dataDir,
    LATCHKEY_ISSUER: config.issuer ?? `${config.tls ? 'https' : 'http'}://localhost:${config.port}`,
    LATCHKEY_SANDBOX: config.sandbox ? 'on' : 'off',
  };
  return values[setting.name] ?? setting.default;
}

function secretReport(setting: Setting, text: string | undefined, config: Config | null): SettingReport {
  const { name } = setting;
  const file = config && GENERATED[name] ? join(config.dataDir, GENERATED[name]) : null;
  if (text?.startsWith('file:')) return { name, value: null, source: 'file', reference: text.slice('file:'.length) };
  if (text?.startsWith('env:')) return { name, value: null, source: 'variable', reference: text.slice('env:'.length) };
  if (text !== undefined) return { name, value: null, source: 'environment', reference: null };
  if (file === null) return { name, value: setting.default, source: 'default', reference: null };
  const isMade = config?.mode === 'development' && existsSync(file);
  return { name, value: null, source: isMade ? 'generated' : 'unset', reference: isMade ? file : null };
}

function reportOf(setting: Setting, environment: Environment, config: Config | null): SettingReport {
  const text = environment[setting.name]?.trim() || undefined;
  if (setting.secret) return secretReport(setting, text, config);
  const value = setting.name === 'LATCHKEY_DATA_DIR' && config ? config.dataDir : text;
  const source = text === undefined ? 'default' : 'environment';
  return { name: setting.name, value: value ?? resolvedValue(setting, config), source, reference: null };
}

function problemsOf(read: () => unknown): ConfigProblem[] {
  try {
    read();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** Every setting with where it came from, and what stands in the way of a start. Makes nothing. */
export function inspectSettings(environment: Environment, workingDir: string): SettingsReport {
  const read = (more: Environment = {}) =>
    readConfig({ ...environment, ...more }, workingDir, () => new Uint8Array(), {
      makesSecrets: false,
      makesFolder: false,
    }).config;
  const problems = problemsOf(() => read());
  const config = problems.length === 0 ? read() : null;
  const productionProblems =
    config?.mode === 'development' ? problemsOf(() => read({ LATCHKEY_MODE: 'production' })) : [];
  return {
    settings: SETTINGS.map((setting) => reportOf(setting, environment, config)),
    config,
    problems,
    productionProblems,
    unknownSettings: unknownSettings(environment),
  };
}
