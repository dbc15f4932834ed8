import type { AskedBox, MetricBox } from "@whybox/core";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { type BesidePlace, placeBeside, type Size } from "./beside.js";
import { Button } from "./button.js";
import { classNamed } from "./class-named.js";

interface AskFormProps {
  readonly box: MetricBox;
  readonly size: Size;
  /** Width of the photo on the screen in CSS pixels. */
  readonly shownWidth: number;
  readonly classNames: readonly string[];
  readonly onBox: (box: MetricBox) => void;
  readonly onAsk: (box: AskedBox) => void;
  readonly onDiscard: () => void;
}

const corners = [
  { key: "x1", name: "Left" },
  { key: "y1", name: "Top" },
  { key: "x2", name: "Right" },
  { key: "y2", name: "Bottom" },
] as const;

/** The form beside a drawn box: the class to ask about, and the corners of the box. */
export function AskForm({ box, size, shownWidth, classNames, onBox, onAsk, onDiscard }: AskFormProps) {
  const [typed, setTyped] = useState("");
  const [problem, setProblem] = useState<string>();
  const input = useRef<HTMLInputElement>(null);
  const form = useRef<HTMLFormElement>(null);
  const [place, setPlace] = useState<BesidePlace>();
  useEffect(() => input.current?.focus({ preventScroll: true }), []);
  useLayoutEffect(() => {
    const { offsetWidth: width, offsetHeight: height } = form.current!;
    const scale = shownWidth / size.width;
    const shown = { x1: box.x1 * scale, y1: box.y1 * scale, x2: box.x2 * scale, y2: box.y2 * scale };
    setPlace(placeBeside(shown, { width, height }, { width: shownWidth, height: size.height * scale }));
  }, [box, shownWidth, problem]);
  const fits = box.x2 > box.x1 && box.y2 > box.y1;
  const ask = () => {
    const found = classNamed(typed, classNames);
    if (found === undefined) {
      setProblem(typed.trim() === "" ? "Type a class of the model." : `The model has no class “${typed.trim()}”.`);
      input.current?.focus();
    } else if (fits) onAsk({ ...box, className: found });
  };
  return (
    <form
      ref={form}
      class="ask"
      style={place && { left: `${place.left}px`, top: `${place.top}px` }}
      aria-label="Ask about your box"
      onSubmit={(event) => {
        event.preventDefault();
        ask();
      }}
      onKeyDown={(event) => event.key === "Escape" && onDiscard()}
    >
      <label class="ask-label">
        What is missing here?
        <input
          ref={input}
          class="ask-class"
          type="text"
          list="class-names"
          placeholder={`such as ${classNames[0]}`}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          value={typed}
          aria-invalid={problem !== undefined}
          aria-describedby={problem === undefined ? undefined : "ask-problem"}
          onInput={({ currentTarget }) => {
            setTyped(currentTarget.value);
            setProblem(undefined);
          }}
        />
      </label>
      <datalist id="class-names">
        {classNames.map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <button type="submit" class="button primary" disabled={!fits}>
        Ask
      </button>
      {problem !== undefined && (
        <p id="ask-problem" class="ask-problem" role="alert">
          {problem}
        </p>
      )}
      <div class="row ask-more">
        <details class="corners">
          <summary>Exact corners</summary>
          <div class="corner-fields">
            {corners.map(({ key, name }) => (
              <label key={key}>
                {name}
                <input
                  type="number"
                  min="0"
                  max={key.startsWith("x") ? size.width : size.height}
                  value={box[key]}
                  onInput={({ currentTarget }) => onBox({ ...box, [key]: Number(currentTarget.value) })}
                />
              </label>
            ))}
          </div>
        </details>
        <Button class="button quiet" onClick={onDiscard}>
          Discard
        </Button>
      </div>
    </form>
  );
}
