import { Button } from "./button.js";
import type { ReportData } from "./data.js";
import { RowCanvas } from "./row-canvas.js";
import { TagBadges } from "./tag-bar.js";
import type { Tags } from "./tags.js";
import type { View } from "./view.js";
import { heatLine, kindOf, nameOf, sourceOf, suspicionHint, whyLine } from "./words.js";

const PAGE_ROWS = 24;

/** The rows of a page. An invalid page number in the address is corrected. @param step number of pages to go forward. */
export function pageRows(rows: Uint32Array, page: string, step = 0) {
  const pages = Math.max(1, Math.ceil(rows.length / PAGE_ROWS));
  const number = Math.min(Math.max(1, (Math.trunc(Number(page)) || 1) + step), pages);
  return { page: number, pages, rows: rows.subarray((number - 1) * PAGE_ROWS, number * PAGE_ROWS) };
}

/** The page that shows a row. */
export function pageOf(rows: Uint32Array, row: number): number {
  return Math.floor(Math.max(0, rows.indexOf(row)) / PAGE_ROWS) + 1;
}

interface RowListProps {
  readonly data: ReportData;
  readonly rows: Uint32Array;
  readonly view: View;
  readonly change: (part: Partial<View>) => void;
  readonly opacity: number;
  readonly tags: Tags;
  readonly selected: ReadonlySet<number>;
  /** The row that the keys act on. */
  readonly cursor: number | undefined;
  /** Selects a row, or not. */
  readonly choose: (row: number) => void;
  readonly open: (row: number) => void;
}

/** A page of rows as cards. */
export function RowList({ rows, view, change, ...shared }: RowListProps) {
  const page = pageRows(rows, view.page);
  const first = (page.page - 1) * PAGE_ROWS + 1;
  const turn = (to: number) => {
    change({ page: String(to) });
    document.getElementById("list-head")?.scrollIntoView({ block: "nearest" });
  };
  return (
    <section class="list" aria-label="Detections">
      <div class="list-head" id="list-head">
        <p role="status">
          {rows.length === 0
            ? "No results."
            : `${first.toLocaleString("en")}–${(first + page.rows.length - 1).toLocaleString("en")} of ${rows.length.toLocaleString("en")}`}
        </p>
        <Pager page={page.page} pages={page.pages} turn={turn} />
      </div>
      {rows.length === 0 && <p class="hint">Remove a filter to see more.</p>}
      {rows.length > 0 && view.sort === "suspicion" && <p class="hint">{suspicionHint}</p>}
      <ul class="cards">
        {[...page.rows].map((row) => (
          <li key={row} id={`row-${row}`} class={row === shared.cursor ? "is-at" : ""}>
            <Card row={row} {...shared} />
          </li>
        ))}
      </ul>
      {page.pages > 1 && page.rows.length > 6 && <Pager page={page.page} pages={page.pages} turn={turn} isLast />}
    </section>
  );
}

function Card({
  data,
  row,
  opacity,
  tags,
  selected,
  choose,
  open,
}: Omit<RowListProps, "rows" | "view" | "change"> & { readonly row: number }) {
  const kind = kindOf(data.columns, row);
  return (
    <>
      <label class="card-check">
        <span class="for-readers">Select {nameOf(data, row)}</span>
        <input type="checkbox" checked={selected.has(row)} onChange={() => choose(row)} />
      </label>
      <Button class="card" onClick={() => open(row)}>
        <span class="card-image">
          <RowCanvas data={data} row={row} opacity={opacity} side={cardSide()} />
        </span>
        <span class="card-name">
          {nameOf(data, row)}
          {kind.id !== "detection" && <span class={`badge is-${kind.id}`}>{kind.title}</span>}
        </span>
        <span class="card-heat">{heatLine(data, row)}</span>
        <Why text={whyLine(data, row)} />
        <TagBadges tags={tags} row={row} />
        <Source path={sourceOf(data, row)} />
      </Button>
    </>
  );
}

/** The side of the cards' images. It is the same as in the style sheet. */
function cardSide(): number {
  return matchMedia("(min-width: 2000px)").matches ? 212 : 176;
}

function Why({ text }: { readonly text: string | undefined }) {
  return text === undefined ? null : <span class="card-why">{text}</span>;
}

/** A path that is shortened at the start, because the end identifies the image. */
function Source({ path }: { readonly path: string }) {
  const cut = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1;
  return (
    <span class="card-source" title={path}>
      <span class="card-folder">{path.slice(0, cut)}</span>
      <span class="card-file">{path.slice(cut)}</span>
    </span>
  );
}

interface PagerProps {
  readonly page: number;
  readonly pages: number;
  readonly turn: (page: number) => void;
  readonly isLast?: boolean;
}

function Pager({ page, pages, turn, isLast = false }: PagerProps) {
  if (pages === 1) return null;
  return (
    <nav class="pager" aria-label={isLast ? "Pages, at the end" : "Pages"}>
      <Button disabled={page === 1} onClick={() => turn(page - 1)} aria-label="Previous page">
        ←
      </Button>
      <span>
        {page.toLocaleString("en")} / {pages.toLocaleString("en")}
      </span>
      <Button disabled={page === pages} onClick={() => turn(page + 1)} aria-label="Next page">
        →
      </Button>
    </nav>
  );
}
