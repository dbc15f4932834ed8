import { Expert } from "./expert.js";
import { ExportSection } from "./export-section.js";
import { Answer } from "./numbers.js";
import type { SectionProps } from "./section-props.js";
import { useNarrow } from "./use-state.js";

/** The answer, its export, and the dials for experts. */
export function Panel(props: SectionProps) {
  const { live, comparing } = props.state;
  const isNarrow = useNarrow();
  return (
    <aside class="panel" aria-label="Answer and controls">
      {live === undefined && !comparing && !isNarrow && <Answer {...props} />}
      <div class="groups">
        {live === undefined && <ExportSection {...props} />}
        <Expert {...props} />
      </div>
    </aside>
  );
}
