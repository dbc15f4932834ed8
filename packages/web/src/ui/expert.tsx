import { defaultSettings, type Settings } from "../controller/settings.js";
import { HowMade } from "./how-made.js";
import { LookSection } from "./look-section.js";
import { MethodSection } from "./method-section.js";
import { ModelSection } from "./model-section.js";
import { QuestionSection } from "./question-section.js";
import type { SectionProps } from "./section-props.js";

/** All dials, folded: the page explains without them. */
export function Expert(props: SectionProps) {
  const { live, comparing, settings } = props.state;
  return (
    <details class="group expert">
      <summary>
        <h2>Expert</h2>
        <span class="fold-now">{changedText(settings)}</span>
      </summary>
      <div class="expert-body">
        <MethodSection {...props} />
        {live === undefined && !comparing && <HowMade state={props.state} />}
        <QuestionSection {...props} />
        <LookSection {...props} />
        <ModelSection {...props} />
      </div>
    </details>
  );
}

/** How many dials differ from their defaults. The opacity has its dial beside the image. */
function changedText(settings: Settings): string {
  const keys = Object.keys(defaultSettings) as (keyof Settings)[];
  const changed = keys.filter((key) => key !== "opacity" && String(settings[key]) !== String(defaultSettings[key]));
  return changed.length === 0 ? "method, layer, colours, model" : `${changed.length} changed`;
}
