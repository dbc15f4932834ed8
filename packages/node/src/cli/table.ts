import { displayWidth } from "./text.js";

export interface Column {
  readonly title: string;
  /** Default "left". */
  readonly align?: "left" | "right";
}

/**
 * Formats an aligned table: a header, then one line for each row. Columns are two spaces apart, without trailing spaces.
 * Cells must be printable (no control characters).
 */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const header = columns.map((column) => column.title);
  const widths = columns.map((_, j) => Math.max(...[header, ...rows].map((row) => displayWidth(row[j] ?? ""))));
  return [header, ...rows].map((row) =>
    columns
      .map((column, j) => padded(row[j] ?? "", widths[j]!, column.align))
      .join("  ")
      .trimEnd(),
  );
}

/** Pads the text with spaces to `width` columns. */
export function padded(text: string, width: number, align: "left" | "right" = "left"): string {
  const space = " ".repeat(Math.max(0, width - displayWidth(text)));
  return align === "right" ? space + text : text + space;
}
