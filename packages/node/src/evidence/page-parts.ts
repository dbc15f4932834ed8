import { escapeHtml } from "../report/html.js";

/** A fact: its name, its value as text, and how it is shown. */
export type Fact = readonly [name: string, value: string, kind?: "digest"];

export function factList(facts: readonly Fact[]): string {
  const items = facts.map(
    ([name, value, kind]) =>
      `<dt>${escapeHtml(name)}</dt><dd${kind === undefined ? "" : ` class="${kind}"`}>${escapeHtml(value)}</dd>`,
  );
  return `<dl class="facts">${items.join("")}</dl>\n`;
}

export interface Column {
  readonly title: string;
  readonly align?: "right";
  readonly kind?: "digest";
}

/** A cell: text, or markup that is safe already. */
export type Cell = string | { readonly html: string };

export function table(columns: readonly Column[], rows: readonly (readonly Cell[])[]): string {
  const classes = columns.map(({ align, kind }) => {
    const names = [align, kind].filter((name) => name !== undefined);
    return names.length === 0 ? "" : ` class="${names.join(" ")}"`;
  });
  const head = columns.map(({ title }, i) => `<th scope="col"${classes[i]}>${escapeHtml(title)}</th>`);
  const body = rows.map((row) => {
    const cells = row.map((cell, i) => {
      const label = escapeHtml(columns[i]!.title);
      // The element around the content keeps it in one piece where a row is shown as a card.
      return `<td${classes[i]} data-title="${label}"><div>${typeof cell === "string" ? escapeHtml(cell) : cell.html}</div></td>`;
    });
    return `<tr>${cells.join("")}</tr>`;
  });
  return `<table><thead><tr>${head.join("")}</tr></thead><tbody>${body.join("\n")}</tbody></table>\n`;
}
