import { HowMade } from "./how-made.js";
import { LookSection } from "./look-section.js";
import { MethodSection } from "./method-section.js";
import { ModelSection } from "./model-section.js";
import { QuestionSection } from "./question-section.js";
import type { SectionProps } from "./section-props.js";

/** All dials for experts. */
export function ExpertDials(props: SectionProps) {
  const { live, comparing } = props.state;
  return (
    <div class="expert-body">
      <MethodSection {...props} />
      {live === undefined && !comparing && <HowMade state={props.state} />}
      <QuestionSection {...props} />
      <LookSection {...props} />
      <ModelSection {...props} />
    </div>
  );
}
