import { percent } from "@whybox/report";
import { scoreChoices, scoreText } from "../controller/methods.js";
import { pageOptions } from "../controller/page-options.js";
import { confidenceOf } from "../controller/state.js";
import { Fold, Select } from "./fields.js";
import { OptionControls } from "./option-controls.js";
import type { SectionProps } from "./section-props.js";

/** Settings of the score to explain and of the detections. */
export function QuestionSection({ controller, state }: SectionProps) {
  const { settings, model, found } = state;
  const classNames = model.phase === "ready" ? model.model.report.classNames : [];
  const present = found.phase === "ready" ? [...new Set(found.list.map(({ className }) => className))] : [];
  const filters =
    present.includes(settings.classFilter) || settings.classFilter === ""
      ? present
      : [settings.classFilter, ...present];
  return (
    <Fold title="Question" now={`confidence from ${percent(confidenceOf(state))}`}>
      <Select
        label="What is explained"
        value={settings.versus === "" ? settings.score : "contrast"}
        choices={[
          ["auto", "auto: the method's default"],
          ...(settings.versus === "" ? [] : [["contrast", "this class against the other"] as const]),
          ...scoreChoices.map(({ id, title }) => [id, title] as const),
        ]}
        onSet={(score) =>
          controller.set({
            score: score === "contrast" ? "auto" : score,
            ...(score === "contrast" ? {} : { versus: "" }),
          })
        }
      />
      <p class="explain faint">{scoreText(settings.versus === "" ? settings.score : "contrast")}</p>
      <Select
        label="Compare with another class"
        value={settings.versus}
        choices={[["", "none"], ...classNames.map((name) => [name, name] as const)]}
        onSet={(versus) => controller.set({ versus })}
      />
      <Select
        label="Show only this class"
        value={settings.classFilter}
        choices={[["", "all"], ...filters.map((name) => [name, name] as const)]}
        onSet={(classFilter) => controller.set({ classFilter })}
      />
      <OptionControls names={pageOptions.filter((name) => name !== "keepTopPercent")} {...{ controller, state }} />
    </Fold>
  );
}
