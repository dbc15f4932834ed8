import { useMemo } from "preact/hooks";
import { kindNumber, rowKinds, tagNames } from "../src/format.js";
import { Button } from "./button.js";
import type { ReportData } from "./data.js";
import { tagTitles } from "./tags.js";
import { defaultView, looks, sizes, sorts, sortsOfClasses, tagFilters, toHash, type View } from "./view.js";

interface FiltersProps {
  readonly data: ReportData;
  readonly view: View;
  readonly change: (part: Partial<View>) => void;
  readonly opacity: number;
  readonly setOpacity: (opacity: number) => void;
}

/** The form for the order, the filters and the opacity of the maps. */
export function Filters({ data, view, change, opacity, setOpacity }: FiltersProps) {
  const { facts, columns } = data;
  const used = useMemo(() => new Set(columns.class), [columns]);
  const classes = facts.classes
    .map((name, i) => [String(i), name] as const)
    .filter(([i]) => used.has(Number(i)))
    .sort(([, a], [, b]) => a.localeCompare(b));
  const levels = facts.levels.map((name, i) => [String(i), name] as const);
  const counts = useMemo(() => countKinds(columns.kind), [columns]);
  const errors = counts.slice(kindNumber("hit") + 1).reduce((sum, one) => sum + one, 0);
  const kinds = rowKinds
    .map(({ id, title }, i) => [id, `${title} (${counts[i]!.toLocaleString("en")})`] as const)
    .filter((_, i) => counts[i]! > 0);
  const select = (name: keyof View, label: string, choices: readonly (readonly [string, string, ...unknown[]])[]) => (
    <Choice label={label} value={view[name]} choices={choices} choose={(value) => change({ [name]: value })} />
  );
  return (
    <details class="filter-box" open={matchMedia("(min-width: 861px)").matches}>
      <summary>Order and filters</summary>
      <form class="filters" aria-label="Filters" onSubmit={(event) => event.preventDefault()}>
        {select("sort", "Order", facts.hasBoxes ? sorts : sortsOfClasses)}
        {facts.truth !== null &&
          select("kind", "Ground truth", [
            ["all", "all"],
            ["errors", `all errors (${errors.toLocaleString("en")})`],
            ...kinds,
          ])}
        {select("class", "Class", [["all", `all ${classes.length}`], ...classes])}
        {select("tag", "Tag", [
          ["all", "all"],
          ...tagNames.map((tag) => [tag, tagTitles[tag]] as const),
          ...tagFilters,
        ])}
        {facts.hasBoxes && select("looks", "Heat", [["all", "anywhere"], ...looks])}
        {facts.hasBoxes && select("size", "Size of the box", [["all", "all"], ...sizes])}
        {levels.length > 1 && select("level", "Level", [["all", "all"], ...levels])}
        <fieldset class="field range">
          <legend>Score, in percent</legend>
          <Percent label="from" value={view.from} set={(from) => change({ from })} />
          <Percent label="to" value={view.to} set={(to) => change({ to })} />
        </fieldset>
        <label class="field">
          Image name contains
          <input type="search" value={view.text} onInput={(event) => change({ text: event.currentTarget.value })} />
        </label>
        <label class="field">
          <span class="field-head">
            Heatmap opacity <kbd>m</kbd>
          </span>
          <input
            type="range"
            min="0"
            max="1"
            step="0.05"
            value={opacity}
            onInput={(event) => setOpacity(Number(event.currentTarget.value))}
          />
        </label>
        <Button disabled={toHash({ ...view, page: "1" }) === ""} onClick={() => change(defaultView)}>
          Reset filters
        </Button>
      </form>
    </details>
  );
}

function countKinds(kinds: Uint8Array): number[] {
  const counts = rowKinds.map(() => 0);
  for (const kind of kinds) counts[kind]!++;
  return counts;
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly choices: readonly (readonly [string, string, ...unknown[]])[];
  readonly choose: (value: string) => void;
}

export function Choice({ label, value, choices, choose }: ChoiceProps) {
  return (
    <label class="field">
      {label}
      <select value={value} onChange={(event) => choose(event.currentTarget.value)}>
        {choices.map(([id, title]) => (
          <option key={id} value={id} selected={id === value}>
            {title}
          </option>
        ))}
      </select>
    </label>
  );
}

interface PercentProps {
  readonly label: string;
  readonly value: string;
  readonly set: (value: string) => void;
}

function Percent({ label, value, set }: PercentProps) {
  return (
    <label>
      {label}{" "}
      <input
        type="number"
        min="0"
        max="100"
        step="1"
        value={value}
        onChange={(event) => event.currentTarget.value !== "" && set(event.currentTarget.value)}
      />
    </label>
  );
}
