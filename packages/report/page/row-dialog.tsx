import { useEffect, useRef, useState } from "preact/hooks";
import { maxNote } from "../src/format.js";
import { Button } from "./button.js";
import type { ReportData } from "./data.js";
import { FactList } from "./fact-list.js";
import { RowCanvas } from "./row-canvas.js";
import { TagButtons } from "./tag-bar.js";
import type { Tags } from "./tags.js";
import { has } from "./view.js";
import {
  heatLine,
  kindLine,
  kindOf,
  levelOf,
  nameOf,
  otherUnder,
  outsideLine,
  sourceOf,
  suspicionLevel,
} from "./words.js";

interface RowDialogProps {
  readonly data: ReportData;
  readonly rows: Uint32Array;
  readonly row: number;
  readonly opacity: number;
  readonly tags: Tags;
  /** Whether the cursor is in the note. */
  readonly writes: boolean;
  readonly open: (row: number | undefined) => void;
}

/** A large view of one row: its crop, the whole image, and all its numbers. */
export function RowDialog({ data, rows, row, opacity, tags, writes, open }: RowDialogProps) {
  const ref = useRef<HTMLDialogElement>(null);
  const [side, setSide] = useState(420);
  useEffect(() => {
    ref.current!.showModal();
    // The two images and the text are side by side on wide screens, else one below the other.
    const width = () => (innerWidth > 860 ? (innerWidth - 420) / 2 : innerWidth - 64);
    const fit = () => setSide(Math.round(Math.max(200, Math.min(720, width(), innerHeight - 200))));
    fit();
    addEventListener("resize", fit);
    return () => removeEventListener("resize", fit);
  }, []);
  const place = rows.indexOf(row);
  const step = (by: number) => open(rows[place + by] ?? row);
  return (
    <dialog ref={ref} class="row-dialog" aria-labelledby="row-title" onClose={() => open(undefined)} closedby="any">
      <div class="dialog-head">
        <h2 id="row-title">{nameOf(data, row)}</h2>
        <Button disabled={place <= 0} onClick={() => step(-1)} aria-label="Previous">
          ←
        </Button>
        <Button disabled={place < 0 || place >= rows.length - 1} onClick={() => step(1)} aria-label="Next">
          →
        </Button>
        <Button onClick={() => ref.current!.close()}>Close</Button>
      </div>
      <div class="dialog-body" style={{ "--side": `${side}px` }}>
        {data.facts.hasBoxes && (
          <figure>
            <RowCanvas data={data} row={row} opacity={opacity} side={side} />
            <figcaption class="faint">the region around the box</figcaption>
          </figure>
        )}
        <figure class="dialog-whole">
          <RowCanvas data={data} row={row} opacity={opacity} side={side} whole />
          <figcaption class="faint">the whole image</figcaption>
        </figure>
        <div class="dialog-text">
          <RowTagging key={row} row={row} tags={tags} writes={writes} />
          <p>{heatLine(data, row)}</p>
          <Outside data={data} row={row} open={open} />
          <Why data={data} row={row} open={open} />
          <Measured data={data} row={row} />
          <RowFacts data={data} row={row} />
        </div>
      </div>
    </dialog>
  );
}

/** The tags and the note of the row. */
function RowTagging({ row, tags, writes }: Pick<RowDialogProps, "row" | "tags" | "writes">) {
  const note = useRef<HTMLTextAreaElement>(null);
  useEffect(() => {
    if (writes) note.current!.focus();
  }, [writes]);
  return (
    <div class="tagging">
      <div class="row">
        <TagButtons tags={tags} rows={[row]} />
      </div>
      <label class="field">
        Note
        <textarea
          ref={note}
          rows={2}
          maxLength={maxNote}
          autofocus={writes}
          value={tags.of(row).note}
          onInput={(event) => tags.note(row, event.currentTarget.value)}
        />
      </label>
    </div>
  );
}

/** Says where the heat outside the box is. */
function Outside({ data, row, open }: Pick<RowDialogProps, "data" | "row" | "open">) {
  const text = outsideLine(data, row);
  const other = otherUnder(data, row);
  if (text === undefined) return null;
  return (
    <p>
      {text}{" "}
      {other >= 0 && (
        <>
          See{" "}
          <Button class="link" onClick={() => open(other)}>
            {nameOf(data, other)}
          </Button>
        </>
      )}
    </p>
  );
}

/** The row's kind according to the ground truth, and the model's answer for a missed object. */
function Why({ data, row, open }: Pick<RowDialogProps, "data" | "row" | "open">) {
  const { columns } = data;
  const kind = kindOf(columns, row);
  const other = columns.other[row]!;
  const answer = data.misses.get(row);
  const isMissed = kind.id === "missed";
  return (
    <>
      {kind.id !== "detection" && (
        <p>
          <span class={`badge is-${kind.id}`}>{kind.title}</span> {kindLine(data, row)}
        </p>
      )}
      {answer !== undefined && <p class="verdict">{answer.verdict}</p>}
      {other >= 0 && (
        <p>
          {isMissed ? "The nearest detection: " : "A missed object is near: "}
          <Button class="link" onClick={() => open(other)}>
            {nameOf(data, other)}
          </Button>
          {isMissed && ` (IoU ${columns.iou[row]!.toFixed(2)})`}
        </p>
      )}
      {isMissed && other < 0 && <p>No detection overlaps it.</p>}
    </>
  );
}

/** What the measurement of the map says, for a row of the sample. */
function Measured({ data, row }: Pick<RowDialogProps, "data" | "row">) {
  const sentence = data.facts.trust?.measured.find((one) => one.row === row)?.sentence;
  return sentence === undefined ? null : <p>{sentence}</p>;
}

function RowFacts({ data, row }: Pick<RowDialogProps, "data" | "row">) {
  const {
    columns,
    facts: { hasBoxes },
  } = data;
  const { x1, y1, x2, y2, peakX, peakY, suspicion, iou } = columns;
  const flags = columns.flags[row]!;
  const hasHeat = has(flags, "heat");
  const kind = kindOf(columns, row).id;
  const place = (x: number, y: number) => `${x.toFixed(0)}, ${y.toFixed(0)}`;
  const isMissed = kind === "missed";
  const hot = `${place(peakX[row]!, peakY[row]!)}, ${has(flags, "peakInBox") ? "in the box" : "outside the box"}`;
  const facts: readonly (readonly [name: string, value: string | false])[] = [
    ["Image", sourceOf(data, row)],
    ["Box", hasBoxes && `${place(x1[row]!, y1[row]!)} – ${place(x2[row]!, y2[row]!)}`],
    ["Size", hasBoxes && `${(x2[row]! - x1[row]!).toFixed(0)} × ${(y2[row]! - y1[row]!).toFixed(0)} pixels`],
    ["Level", hasBoxes && !isMissed && levelOf(data, row)],
    ["Hottest point", hasHeat && hot],
    [
      "Suspicion",
      hasHeat &&
        !Number.isNaN(suspicion[row]!) &&
        !isMissed &&
        `${suspicionLevel(suspicion[row]!)}; rank ${data.rank(row).toLocaleString("en")} of ${data.ranked.toLocaleString("en")}`,
    ],
    ["IoU with the object", kind !== "detection" && !isMissed && iou[row]!.toFixed(2)],
    ["Blind", has(flags, "blind") && "an explained layer does not affect this detection"],
  ];
  return <FactList facts={facts.filter((fact): fact is [string, string] => fact[1] !== false)} />;
}
