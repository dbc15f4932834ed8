import type { State } from "../controller/state.js";
import type { Controller } from "../controller.js";
import { ExportSection } from "./export-section.js";
import { LookSection } from "./look-section.js";
import { MethodSection } from "./method-section.js";
import { ModelSection } from "./model-section.js";
import { QuestionSection } from "./question-section.js";
import { percent } from "./texts.js";

export interface SectionProps {
  readonly controller: Controller;
  readonly state: State;
}

/** All controls, the most used first. */
export function Panel(props: SectionProps) {
  return (
    <aside class="panel" aria-label="Controls">
      <FoundSection {...props} />
      <MethodSection {...props} />
      <LookSection {...props} />
      <QuestionSection {...props} />
      <ModelSection {...props} />
      <ExportSection {...props} />
    </aside>
  );
}

function FoundSection({ controller, state }: SectionProps) {
  const list = controller.shownDetections();
  if (list.length === 0) return null;
  return (
    <section class="group">
      <h2>Found</h2>
      <ul class="chips">
        {list.map((one) => (
          <li key={one.index}>
            <button
              type="button"
              class="chip"
              aria-pressed={state.selection.includes(one.index)}
              onClick={(event) => controller.select(one.index, event.shiftKey)}
            >
              {one.className} <span class="faint">{percent(one.confidence)}</span>
            </button>
          </li>
        ))}
        <li>
          <button type="button" class="chip" aria-pressed={state.whole} onClick={() => controller.selectWhole()}>
            whole picture
          </button>
        </li>
      </ul>
    </section>
  );
}
