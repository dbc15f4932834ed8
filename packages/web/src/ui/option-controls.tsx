import { percent } from "@whybox/report";
import { type PageOption, rowOf } from "../controller/page-options.js";
import { confidenceOf } from "../controller/state.js";
import { Range, Select } from "./fields.js";
import type { SectionProps } from "./section-props.js";

interface OptionControlsProps extends SectionProps {
  readonly names: readonly PageOption[];
}

/** A control for each of the options, made from its row in the table. */
export function OptionControls({ names, ...props }: OptionControlsProps) {
  return (
    <>
      {names.map((name) => (
        <OptionControl key={name} name={name} {...props} />
      ))}
    </>
  );
}

function OptionControl({ name, controller, state }: SectionProps & { readonly name: PageOption }) {
  const row = rowOf(name);
  const { settings } = state;
  const { label, atDefault, ...range } = row.page!;
  const value = settings[name];
  const set = (given: unknown) => controller.set({ [name]: given });
  if (row.kind === "flag") {
    return (
      <label class="check">
        <input type="checkbox" checked={value === true} onChange={({ currentTarget }) => set(currentTarget.checked)} />
        {label}
      </label>
    );
  }
  if (row.kind === "choice") {
    const choices = row.choices.map((choice) => [choice, choice] as const);
    return <Select label={label} value={String(value)} choices={choices} onSet={set} />;
  }
  if (row.kind !== "number") throw new Error(`The option ${name} has no control for its kind.`);
  const { min = row.min, max = row.max, step = row.max === 1 ? 0.05 : 1 } = range;
  const show = (given: number) => {
    if (given === row.default && atDefault !== undefined) return atDefault;
    if (name === "confidence" && given === settings.confidence) return percent(confidenceOf(state));
    return row.max === 1 ? percent(given) : `${given}${row.max === 100 ? " %" : ""}`;
  };
  return <Range label={label} value={Number(value)} {...{ min, max, step, show }} onSet={set} />;
}
