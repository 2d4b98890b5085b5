import { plainText, type Style, widthOf } from './style.ts';

/** Null and undefined are shown as a dash. */
export type Cell = string | number | boolean | null | undefined;

export interface Column<T> {
  title: string;
  value(row: T): Cell;
  /** Never cut to fit a terminal. */
  isWhole?: true;
  /** Emphasis of the finished cell. */
  style?(text: string, row: T): string;
}

const GAP = '  ';

function textOf(cell: Cell): string {
  return cell === null || cell === undefined || cell === '' ? '-' : plainText(String(cell));
}

const NARROWEST = 8;
const ELLIPSIS = '…';

/** Takes from the widest columns until all fit; never from the first, which names the row, nor from whole ones. */
function fitted(
  columns: readonly Pick<Column<unknown>, 'isWhole'>[],
  widths: readonly number[],
  titles: readonly number[],
  available: number,
): number[] {
  const fits = [...widths];
  const floor = (at: number) => Math.max(titles[at] ?? 0, NARROWEST);
  const excess = () => fits.reduce((sum, width) => sum + width, GAP.length * (fits.length - 1)) - available;
  while (excess() > 0) {
    const [widest] = fits
      .map((width, at) => ({ width, at }))
      .filter(({ width, at }) => at > 0 && !columns[at]?.isWhole && width > floor(at))
      .sort((a, b) => b.width - a.width);
    if (!widest) break;
    fits[widest.at] = widest.width - 1;
  }
  return fits;
}

function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = '';
  for (const letter of text) {
    if (widthOf(kept + letter) > width - 1) break;
    kept += letter;
  }
  return kept + ELLIPSIS;
}

/**
 * Rows under their titles, aligned; the last column is not padded. On a terminal of `availableWidth` columns, long cells
 * are cut so that a row takes one line where that can be. Ends with a line feed.
 */
export function tableText<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  style: Style,
  availableWidth = Number.POSITIVE_INFINITY,
): string {
  const whole = rows.map((row) => columns.map((column) => textOf(column.value(row))));
  const titles = columns.map(({ title }) => widthOf(title));
  const wanted = titles.map((width, at) => Math.max(width, ...whole.map((line) => widthOf(line[at] ?? ''))));
  const widths = fitted(columns as readonly Pick<Column<unknown>, 'isWhole'>[], wanted, titles, availableWidth);
  const cells = whole.map((line) => line.map((text, at) => cutTo(text, widths[at] ?? 0)));
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
