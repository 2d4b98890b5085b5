import { placeOf } from './house.ts';
import { isNode, parse, type SourceFile, type SyntaxNode } from './parse.ts';

const maxFileLines = 500;
const maxFunctionLines = 60;
const maxBoundaryLines = 10;
const vague = ['utils', 'util', 'helpers', 'helper', 'common', 'misc'];

/** A file is read in one sitting. */
export function shortFiles(files: SourceFile[]): string[] {
  return files.flatMap(({ path, text }) => {
    const lines = text.trimEnd().split('\n').length;
    return lines <= maxFileLines
      ? []
      : [`${path} has ${lines} lines, over ${maxFileLines}: give each thing its own file`];
  });
}

/** A function does one thing; blank lines do not count. */
export function shortFunctions(files: SourceFile[]): string[] {
  return files.flatMap((file) => {
    const { nodes, lineOf } = parse(file);
    return nodes.filter(isFunction).flatMap((node) => {
      const lines = file.text
        .slice(node.start, node.end)
        .split('\n')
        .filter((line) => line.trim() !== '').length;
      if (lines <= maxFunctionLines) return [];
      return [`${file.path}:${lineOf(node)} is a function of ${lines} lines, over ${maxFunctionLines}: name its steps`];
    });
  });
}

/** A folder is named after what it holds. */
export function namedFolders(files: SourceFile[]): string[] {
  return files.flatMap(({ path }) => {
    const name = path
      .split('/')
      .slice(0, -1)
      .find((folder) => vague.includes(folder));
    return name === undefined ? [] : [`${path} is in a folder called ${name}: name the folder after what it holds`];
  });
}

/** Each domain and platform folder says in its index.ts what it is and what it leaves to others. */
export function boundaryComments(files: SourceFile[]): string[] {
  const texts = new Map(files.map(({ path, text }) => [path, text]));
  const folders = files.flatMap(({ path }) => {
    const place = placeOf(path);
    return place?.layer === 'domain' || place?.layer === 'platform' ? [`server/src/${place.name}`] : [];
  });
  return [...new Set(folders)].flatMap((folder) => {
    const face = `${folder}/index.ts`;
    const text = texts.get(face);
    if (text === undefined)
      return [`${face} is missing: add it, with a boundary comment and the exports for neighbours`];
    const lines = openingCommentLines(text);
    if (lines === 0) return [`${face} begins without a boundary comment: say what is inside and what is not`];
    return lines <= maxBoundaryLines
      ? []
      : [`${face} has a boundary comment of ${lines} lines: at most ${maxBoundaryLines}`];
  });
}

function isFunction(node: SyntaxNode): boolean {
  return /^(FunctionDeclaration|FunctionExpression|ArrowFunctionExpression)$/.test(node.type) && isNode(node.body);
}

function openingCommentLines(text: string): number {
  const opening = /^\s*(\/\*[\s\S]*?\*\/|(?:[ \t]*\/\/.*(?:\n|$))+)/.exec(text)?.[1] ?? '';
  return opening === '' ? 0 : opening.trimEnd().split('\n').length;
}
