import { cyclesIn } from './cycles.ts';
import { mayImport, placeOf, targetOf } from './house.ts';
import { type Import, parse, type SourceFile } from './parse.ts';

interface Arrow extends Import {
  from: SourceFile;
  /** The path of the imported file; packages make no arrow. */
  to: string;
}

/** Every file stands in a room that the house has. */
export function knownPlaces(files: SourceFile[]): string[] {
  return files
    .filter((file) => placeOf(file.path) === undefined)
    .map(({ path }) => `${path} is in no known domain or platform folder: move it, or add its folder to house.ts`);
}

/** Imports run one way: main, compose, domains, platform, foundation, protocol. */
export function oneWay(files: SourceFile[]): string[] {
  return arrowsOf(files).flatMap(({ from, to, line }) => {
    const [here, there] = [placeOf(from.path), placeOf(to)];
    if (here === undefined || there === undefined || mayImport(here, there)) return [];
    return [
      `${from.path}:${line} (${here.layer}) imports ${to} (${there.layer}), an arrow that runs back: ` +
        'let compose.ts pass in what is needed, or move the code down',
    ];
  });
}

/** Relative imports stay inside their package, and the protocol imports nothing but itself. */
export function packagesApart(files: SourceFile[]): string[] {
  return files.flatMap((file) => {
    const root = file.path.split('/').slice(0, 2).join('/');
    return parse(file).imports.flatMap(({ specifier, line }) => {
      const target = targetOf(file, specifier);
      const where = `${file.path}:${line} imports ${specifier}`;
      if (target === undefined && root === 'protocol/src') {
        return [`${where}: the protocol runs anywhere without dependencies, so write it without`];
      }
      if (target === undefined || target.startsWith(`${root}/`) || target.endsWith('.json')) return [];
      return [`${where}, outside ${root}: import the package by its name`];
    });
  });
}

/** A neighbour is known by its index.ts alone. */
export function facesOnly(files: SourceFile[]): string[] {
  return arrowsOf(files).flatMap(({ from, to, line }) => {
    const [folder, below] = [folderOf(to), folderOf(from.path)];
    if (folder === undefined || folder === below || to === `${folder}/index.ts`) return [];
    return [`${from.path}:${line} imports ${to}: import ${folder}/index.ts, and export there what a neighbour needs`];
  });
}

/** Domains and platform know the configuration's types; its values are passed to them. */
export function configAsTypes(files: SourceFile[]): string[] {
  return arrowsOf(files).flatMap(({ from, to, line, kind }) => {
    const layer = placeOf(from.path)?.layer;
    const isConfig = placeOf(to)?.name === 'config';
    if (!isConfig || kind !== 'value' || (layer !== 'domain' && layer !== 'platform')) return [];
    return [`${from.path}:${line} imports ${to}: use \`import type\`, and let compose.ts pass the values in`];
  });
}

/** No file imports itself through others, not even for types. */
export function noFileCycles(files: SourceFile[]): string[] {
  const arrows = arrowsOf(files).filter(({ kind }) => kind !== 'augment');
  const cycles = cyclesIn(graphOf(arrows.map(({ from, to }) => [from.path, to])));
  return cycles.map((cycle) => `${cycle.join(' -> ')}: move what both need into a third file`);
}

/** No folder imports itself through others. */
export function noFolderCycles(files: SourceFile[]): string[] {
  const pairs = arrowsOf(files).flatMap(({ from, to }): [string, string][] => {
    const [here, there] = [folderOf(from.path), folderOf(to)];
    return here === undefined || there === undefined || here === there ? [] : [[here, there]];
  });
  return cyclesIn(graphOf(pairs)).map((cycle) => `${cycle.join(' -> ')}: turn one arrow into a callback of compose.ts`);
}

function arrowsOf(files: SourceFile[]): Arrow[] {
  return files.flatMap((from) =>
    parse(from).imports.flatMap((found) => {
      const to =
        targetOf(from, found.specifier) ?? (found.specifier === '@latchkey/protocol' ? 'protocol/src/index.ts' : '');
      return to === '' ? [] : [{ ...found, from, to }];
    }),
  );
}

/** `server/src/tokens` for everything inside it; the protocol is one folder; nothing for files that stand alone. */
function folderOf(path: string): string | undefined {
  if (path.startsWith('protocol/src/')) return 'protocol/src';
  const [server, src, folder, file] = path.split('/');
  return file === undefined ? undefined : `${server}/${src}/${folder}`;
}

function graphOf(pairs: [string, string][]): Map<string, Set<string>> {
  const graph = new Map<string, Set<string>>();
  for (const [from, to] of pairs) graph.set(from, (graph.get(from) ?? new Set()).add(to));
  return graph;
}
