import type { AskedBox, MetricBox } from "@whybox/core";
import { useEffect, useRef, useState } from "preact/hooks";
import { Button } from "./button.js";
import type { Size } from "./labels.js";

interface AskFormProps {
  readonly box: MetricBox;
  readonly size: Size;
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

/** The form for a drawn box: its corners and the class to ask about. */
export function AskForm({ box, size, classNames, onBox, onAsk, onDiscard }: AskFormProps) {
  const [className, setClassName] = useState(classNames[0]!);
  const select = useRef<HTMLSelectElement>(null);
  useEffect(() => select.current?.focus(), []);
  const fits = box.x2 > box.x1 && box.y2 > box.y1;
  return (
    <form
      class="ask"
      aria-label="Ask about your box"
      onSubmit={(event) => {
        event.preventDefault();
        if (fits) onAsk({ ...box, className });
      }}
      onKeyDown={(event) => event.key === "Escape" && onDiscard()}
    >
      <label>
        Why is there no{" "}
        <select ref={select} value={className} onChange={({ currentTarget }) => setClassName(currentTarget.value)}>
          {classNames.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>{" "}
        here?
      </label>
      <p class="hint">Drag the box or its corners to adjust it.</p>
      <details class="corners">
        <summary>Exact corners</summary>
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
      </details>
      <div class="row">
        <button type="submit" class="button primary" disabled={!fits}>
          Ask
        </button>
        <Button class="button quiet" onClick={onDiscard}>
          Discard
        </Button>
      </div>
    </form>
  );
}
