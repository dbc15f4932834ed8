import { useLayoutEffect, useMemo, useState } from "preact/hooks";
import { kindNumber } from "../src/format.js";
import { count } from "../src/texts.js";
import { Button } from "./button.js";
import { ClassesView } from "./classes-view.js";
import type { ReportData } from "./data.js";
import { Filters } from "./filters.js";
import { KeysDialog, useKeys } from "./keys.js";
import { RowDialog } from "./row-dialog.js";
import { pageOf, pageRows, RowList } from "./row-list.js";
import { RunView } from "./run-view.js";
import { TagBar } from "./tag-bar.js";
import { saveTags, Tags, useTags } from "./tags.js";
import { TrustView } from "./trust-view.js";
import { defaultView, fromHash, Orders, select, toHash, type View } from "./view.js";
import { sourceOf } from "./words.js";

const tabs = [
  ["rows", "Detections"],
  ["classes", "Classes"],
  ["trust", "Trust"],
  ["run", "Run"],
] as const;

/** Those of a classifier: its heat is in no box, so there are no statistics of boxes. */
const tabsOfClasses = [
  ["rows", "Classes"],
  ["trust", "Trust"],
  ["run", "Run"],
] as const;

type Tab = (typeof tabs)[number][0];

/** The tabs of a report. Without measurements there is nothing to say about trust. */
function tabsOf({ hasBoxes, trust }: ReportData["facts"]): TabsProps["tabs"] {
  return (hasBoxes ? tabs : tabsOfClasses).filter(([id]) => id !== "trust" || trust !== null);
}

export function App({ data }: { readonly data: ReportData }) {
  const { facts, columns } = data;
  const [tab, setTab] = useState<Tab>("rows");
  const [view, setView] = useState<View>(() => fromHash(location.hash));
  const [opacity, setOpacity] = useState(0.75);
  const [open, setOpen] = useState<number | undefined>(undefined);
  const [cursor, setCursor] = useState<number | undefined>(undefined);
  const [selected, setSelected] = useState<ReadonlySet<number>>(new Set());
  const [helps, setHelps] = useState(false);
  const [writes, setWrites] = useState(false);
  const tags = useMemo(() => new Tags(data), [data]);
  const changes = useTags(tags);
  const orders = useMemo(() => new Orders(columns), [columns]);
  const asked = toHash({ ...view, page: "1" });
  const rows = useMemo(
    () => select(view, columns, orders, { sourceOf: (row) => sourceOf(data, row), tagsOf: (row) => tags.of(row) }),
    [data, asked, view.tag === "all" ? 0 : changes],
  );
  const change = (part: Partial<View>) => setView((old) => ({ ...old, page: "1", ...part }));
  // Runs before the browser paints, so the keys and the address match the visible page.
  useLayoutEffect(() => {
    const hash = toHash(view);
    history.replaceState(null, "", `#${hash}`);
  }, [view]);
  useLayoutEffect(() => {
    const onHash = () => setView(fromHash(location.hash));
    addEventListener("hashchange", onHash);
    return () => removeEventListener("hashchange", onHash);
  }, []);
  const at = open ?? cursor;
  const targets = () => (open === undefined && selected.size > 0 ? [...selected] : at === undefined ? [] : [at]);
  const go = (by: number) => {
    const next = at === undefined ? pageRows(rows, view.page).rows[0] : (rows[rows.indexOf(at) + by] ?? at);
    if (next === undefined) return;
    setCursor(next);
    setWrites(false);
    if (open !== undefined) return setOpen(next);
    // The page of the list follows the row.
    setView((old) => ({ ...old, page: String(pageOf(rows, next)) }));
  };
  const choose = (row: number) => {
    setSelected((old) => (old.has(row) ? new Set([...old].filter((one) => one !== row)) : new Set([...old, row])));
    setCursor(row);
  };
  const show = (row: number | undefined, { note = false } = {}) => {
    setOpen(row);
    setWrites(note);
    if (row !== undefined) setCursor(row);
  };
  useKeys(tab === "rows" && !helps, {
    step: go,
    turn: (by) => {
      if (open !== undefined) go(by);
      else setView((old) => ({ ...old, page: String(pageRows(rows, old.page, by).page) }));
    },
    openRow: () => at !== undefined && show(at),
    select: () => at !== undefined && choose(at),
    clear: () => setSelected(new Set()),
    tag: (tag) => targets().length > 0 && tags.toggle(targets(), tag),
    note: () => at !== undefined && show(at, { note: true }),
    map: () => setOpacity((old) => (old > 0 ? 0 : 0.75)),
    save: () => void saveTags(tags),
    help: () => open === undefined && setHelps(true),
  });
  useLayoutEffect(() => {
    if (cursor !== undefined) document.getElementById(`row-${cursor}`)?.scrollIntoView({ block: "nearest" });
  }, [cursor, view.page]);
  const showClass = (number: number) => {
    change({ ...defaultView, class: String(number) });
    setTab("rows");
    scrollTo(0, 0);
  };
  return (
    <div class="page">
      <header class="top">
        <h1 class="brand">
          Whybox <span class="faint">report of</span> <span class="run-name">{facts.title}</span>
        </h1>
        <p class="faint head-facts">{contents(data)}</p>
        <Tabs tabs={tabsOf(facts)} tab={tab} choose={setTab} />
      </header>
      <Notes notes={facts.notes} />
      <main>
        <div id="view" role="tabpanel" aria-labelledby={`tab-${tab}`}>
          {tab === "rows" && (
            <div class="work">
              <Filters data={data} view={view} change={change} opacity={opacity} setOpacity={setOpacity} />
              <div class="list-side">
                <TagBar
                  tags={tags}
                  selected={selected}
                  clear={() => setSelected(new Set())}
                  help={() => setHelps(true)}
                />
                <RowList {...{ data, rows, view, change, opacity, tags, selected, cursor, choose }} open={show} />
              </div>
            </div>
          )}
          {tab === "classes" && <ClassesView {...{ data, rows, view, change, showClass }} />}
          {tab === "trust" && facts.trust !== null && <TrustView {...{ data, open: show }} trust={facts.trust} />}
          {tab === "run" && <RunView facts={facts} />}
        </div>
      </main>
      {open !== undefined && <RowDialog {...{ data, rows, opacity, tags }} row={open} writes={writes} open={show} />}
      {helps && <KeysDialog close={() => setHelps(false)} />}
    </div>
  );
}

/** "369 detections and 2 missed objects in 49 images". */
function contents({ facts, columns }: ReportData): string {
  const missed = columns.kind.reduce((sum, kind) => sum + (kind === kindNumber("missed") ? 1 : 0), 0);
  const misses = missed === 0 ? "" : ` and ${count(missed, "missed object")}`;
  if (!facts.hasBoxes) return `${count(facts.rows, "class", "classes")} in ${count(facts.images, "image")}`;
  return `${count(facts.rows - missed, "detection")}${misses} in ${count(facts.images, "image")}`;
}

interface TabsProps {
  readonly tabs: readonly (readonly [Tab, string])[];
  readonly tab: Tab;
  readonly choose: (tab: Tab) => void;
}

function Tabs({ tabs, tab, choose }: TabsProps) {
  const onKeyDown = (event: KeyboardEvent) => {
    const step = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? tabs.length - 1 : 0;
    if (step === 0) return;
    event.preventDefault();
    const [next] = tabs[(tabs.findIndex(([id]) => id === tab) + step) % tabs.length]!;
    choose(next);
    document.getElementById(`tab-${next}`)!.focus();
  };
  return (
    <div class="tabs" role="tablist" aria-label="Parts of the report" onKeyDown={onKeyDown}>
      {tabs.map(([id, title]) => (
        <Button
          key={id}
          id={`tab-${id}`}
          role="tab"
          aria-selected={tab === id}
          aria-controls="view"
          tabIndex={tab === id ? 0 : -1}
          onClick={() => choose(id)}
        >
          {title}
        </Button>
      ))}
    </div>
  );
}

function Notes({ notes }: { readonly notes: readonly string[] }) {
  if (notes.length === 0) return null;
  return (
    <aside class="notes" aria-label="Notes">
      <ul>
        {notes.map((note) => (
          <li key={note}>{note}</li>
        ))}
      </ul>
    </aside>
  );
}
