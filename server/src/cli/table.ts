import { plainText, type Style, widthOf } from './style.ts';

/** Null and undefined are shown as a dash. */
export type Cell = string | number | boolean | null | undefined;

export interface Column<T> {
  title: string;
  value(row: T): Cell;
  /** Emphasis of the finished cell. */
  style?(text: string, row: T): string;
}

const GAP = '  ';

function textOf(cell: Cell): string {
  return cell === null || cell === undefined || cell === '' ? '-' : plainText(String(cell));
}

/** Rows under their titles, aligned; the last column is not padded. Ends with a line feed. */
export function tableText<T>(columns: readonly Column<T>[], rows: readonly T[], style: Style): string {
  const cells = rows.map((row) => columns.map((column) => textOf(column.value(row))));
  const widths = columns.map(({ title }, at) =>
    Math.max(widthOf(title), ...cells.map((line) => widthOf(line[at] ?? ''))),
  );
  const pad = (text: string, at: number) =>
    at === columns.length - 1 ? '' : ' '.repeat((widths[at] ?? 0) - widthOf(text));
  const header = columns.map(({ title }, at) => style.bold(title) + pad(title, at)).join(GAP);
  const lines = rows.map((row, index) =>
    columns
      .map((column, at) => {
        const text = cells[index]?.[at] ?? '';
        return (column.style?.(text, row) ?? text) + pad(text, at);
      })
      .join(GAP),
  );
  return [header, ...lines, ''].join('\n');
}

/** Names and values, one a line. */
export function fieldsText(fields: readonly (readonly [string, Cell])[], style: Style): string {
  const width = Math.max(0, ...fields.map(([name]) => widthOf(name)));
  return fields
    .map(([name, value]) => `${style.dim(name)}${' '.repeat(width - widthOf(name))}${GAP}${textOf(value)}\n`)
    .join('');
}
