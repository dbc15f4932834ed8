import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

interface RangeProps {
  readonly label: string;
  readonly value: number;
  readonly min: number;
  readonly max: number;
  readonly step: number;
  readonly show: (value: number) => string;
  /** Called while the slider moves. Use it only for cheap updates. */
  readonly onMove?: (value: number) => void;
  /** Called when the slider is released. */
  readonly onSet: (value: number) => void;
}

export function Range({ label, value, min, max, step, show, onMove, onSet }: RangeProps) {
  const [moving, setMoving] = useState<number>();
  const shown = show(moving ?? value);
  return (
    <label class="field">
      <span class="field-head" aria-hidden="true">
        {label} <span class="field-value">{shown}</span>
      </span>
      <input
        type="range"
        aria-label={label}
        aria-valuetext={shown}
        {...{ min, max, step, value: moving ?? value }}
        onInput={({ currentTarget }) => {
          setMoving(Number(currentTarget.value));
          onMove?.(Number(currentTarget.value));
        }}
        onChange={({ currentTarget }) => {
          setMoving(undefined);
          onSet(Number(currentTarget.value));
        }}
      />
    </label>
  );
}

interface SelectProps<T extends string> {
  readonly label: string;
  readonly value: T;
  readonly choices: readonly (readonly [value: T, text: string])[];
  readonly onSet: (value: T) => void;
}

export function Select<T extends string>({ label, value, choices, onSet }: SelectProps<T>) {
  return (
    <label class="field">
      {label}
      <select value={value} onChange={({ currentTarget }) => onSet(currentTarget.value as T)}>
        {choices.map(([id, text]) => (
          <option key={id} value={id}>
            {text}
          </option>
        ))}
      </select>
    </label>
  );
}

interface TextProps {
  readonly label: string;
  readonly value: string;
  readonly placeholder: string;
  /** What is wrong with a text. Empty if nothing is. */
  readonly problem: (text: string) => string;
  readonly onSet: (text: string) => void;
}

/** A field of text that is set when the user leaves it or presses Enter. */
export function TextField({ label, value, placeholder, problem, onSet }: TextProps) {
  // What is typed stays when the page is drawn again before it is set.
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  return (
    <label class="field">
      {label}
      <input
        type="text"
        maxLength={100}
        value={text}
        placeholder={placeholder}
        onInput={({ currentTarget }) => {
          currentTarget.setCustomValidity("");
          setText(currentTarget.value);
        }}
        onChange={({ currentTarget }) => {
          currentTarget.setCustomValidity(problem(currentTarget.value));
          if (currentTarget.reportValidity()) onSet(currentTarget.value.trim());
        }}
      />
    </label>
  );
}

interface FoldProps {
  readonly title: string;
  /** A summary of the settings, shown next to the title. */
  readonly now: string;
  readonly children: ComponentChildren;
}

/** A section that can be opened and closed. */
export function Fold({ title, now, children }: FoldProps) {
  return (
    <details class="group">
      <summary>
        <h3>{title}</h3>
        <span class="fold-now">{now}</span>
      </summary>
      <div class="fold-body">{children}</div>
    </details>
  );
}
