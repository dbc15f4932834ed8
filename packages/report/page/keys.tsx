import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { type TagName, tagNames } from "../src/format.js";
import { Button } from "./button.js";
import { tagKeys, tagTitles } from "./tags.js";

/** What the keys of the list do. */
export interface KeyActions {
  /** Goes to another row of the list, or of the large view. */
  step(by: number): void;
  turn(by: number): void;
  openRow(): void;
  select(): void;
  clear(): void;
  tag(tag: TagName): void;
  note(): void;
  map(): void;
  save(): void;
  help(): void;
}

/** The keys, with what they do, in words. */
const keys: readonly (readonly [keys: readonly string[], what: string, action: (actions: KeyActions) => void])[] = [
  [["j"], "next detection", (actions) => actions.step(1)],
  [["k"], "previous detection", (actions) => actions.step(-1)],
  [["o"], "open the detection", (actions) => actions.openRow()],
  [["x"], "select the detection, or not", (actions) => actions.select()],
  ...tagNames.map(
    (tag) =>
      [
        [tagKeys[tag]],
        `tag as “${tagTitles[tag].toLowerCase()}”, or not`,
        (actions: KeyActions) => actions.tag(tag),
      ] as const,
  ),
  [["n"], "write a note", (actions) => actions.note()],
  [["u"], "clear the selection", (actions) => actions.clear()],
  [["ArrowRight"], "next page; in the large view the next detection", (actions) => actions.turn(1)],
  [["ArrowLeft"], "previous page; in the large view the previous detection", (actions) => actions.turn(-1)],
  [["m"], "show or hide the heatmaps", (actions) => actions.map()],
  [["w"], "save the tags", (actions) => actions.save()],
  [["?"], "this list", (actions) => actions.help()],
];

/** Listens to the keys, except in fields and where a key has another meaning. */
export function useKeys(isOn: boolean, actions: KeyActions): void {
  const latest = useRef(actions);
  latest.current = actions;
  useLayoutEffect(() => {
    if (!isOn) return undefined;
    const onKey = (event: KeyboardEvent) => {
      const target = event.target as Element;
      const isText = target.closest("input:not([type=checkbox]), select, textarea, [role=tablist]") !== null;
      if (event.ctrlKey || event.altKey || event.metaKey || isText) return;
      const found = keys.find(([names]) => names.includes(event.key));
      if (found === undefined) return;
      event.preventDefault();
      found[2](latest.current);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [isOn]);
}

/** The list of the keys. */
export function KeysDialog({ close }: { readonly close: () => void }) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => ref.current!.showModal(), []);
  return (
    <dialog ref={ref} class="keys-dialog" aria-labelledby="keys-title" onClose={close} closedby="any">
      <div class="dialog-head">
        <h2 id="keys-title">Keys</h2>
        <Button onClick={() => ref.current!.close()}>Close</Button>
      </div>
      <dl class="keys">
        {keys.map(([names, what]) => (
          <div key={what}>
            <dt>
              {names.map((name) => (
                <kbd key={name}>{shown[name] ?? name}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p class="hint">
        Tags apply to the selected detections, else to the one with the frame. This browser keeps them. “Save tags”
        writes a file: put it into the folder of the run as tags.json.
      </p>
    </dialog>
  );
}

const shown: Readonly<Record<string, string>> = { ArrowRight: "→", ArrowLeft: "←" };
