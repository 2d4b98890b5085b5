import * as arrows from './arrows.ts';
import * as contents from './contents.ts';
import type { SourceFile } from './parse.ts';
import * as sizes from './sizes.ts';

/** A rule over all source files; it returns one line per breach, naming the file and the cure. */
export type Rule = (files: SourceFile[]) => string[];

/** What server/test/architecture.test.ts enforces, by the name that a failure shows. */
export const rules = {
  'every file stands in a known place': arrows.knownPlaces,
  'imports run one way': arrows.oneWay,
  'packages import each other by name': arrows.packagesApart,
  'neighbours import only index.ts': arrows.facesOnly,
  'the configuration is passed in': arrows.configAsTypes,
  'files import each other in no circle': arrows.noFileCycles,
  'folders import each other in no circle': arrows.noFolderCycles,
  'files are short': sizes.shortFiles,
  'functions are short': sizes.shortFunctions,
  'folders are named after what they hold': sizes.namedFolders,
  'folders begin with a boundary comment': sizes.boundaryComments,
  'only clock.ts reads the time': contents.oneClock,
  'only main.ts and config.ts read the environment': contents.oneEnvironment,
  'nobody uses Math.random': contents.noMathRandom,
  'nobody uses console': contents.noConsole,
  'only main.ts ends the process': contents.exitInMain,
  'only stores import kysely': contents.kyselyInStores,
} satisfies Record<string, Rule>;

export type RuleName = keyof typeof rules;
