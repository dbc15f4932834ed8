import { ExportSection } from "./export-section.js";
import { LookSection } from "./look-section.js";
import { MethodSection } from "./method-section.js";
import { ModelSection } from "./model-section.js";
import { Answer } from "./numbers.js";
import { QuestionSection } from "./question-section.js";
import type { SectionProps } from "./section-props.js";
import { useNarrow } from "./use-state.js";

/** The answer and all controls. The most used controls come first. */
export function Panel(props: SectionProps) {
  const { live, comparing } = props.state;
  const isNarrow = useNarrow();
  return (
    <aside class="panel" aria-label="Answer and controls">
      {live === undefined && !comparing && !isNarrow && <Answer {...props} />}
      <div class="groups">
        <MethodSection {...props} />
        <QuestionSection {...props} />
        <LookSection {...props} />
        <ModelSection {...props} />
        {live === undefined && <ExportSection {...props} />}
      </div>
    </aside>
  );
}
