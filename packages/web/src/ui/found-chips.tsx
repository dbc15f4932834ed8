import { percent } from "@whybox/report";
import { Button } from "./button.js";
import type { SectionProps } from "./section-props.js";

/** The detections as a list of buttons. It makes small and covered boxes selectable. */
export function FoundChips({ controller, state }: SectionProps) {
  const list = controller.shownDetections();
  if (list.length === 0) return null;
  return (
    <ul class="chips" aria-label="Found">
      {list.map((one) => (
        <li key={one.index}>
          <Button
            class="chip"
            aria-pressed={state.selection.includes(one.index)}
            onClick={(event) => controller.select(one.index, event.shiftKey)}
            onPointerEnter={(event) => event.pointerType !== "touch" && controller.hover(one.index)}
            onPointerLeave={() => controller.hover(undefined)}
          >
            {one.className} <span class="faint">{percent(one.confidence)}</span>
          </Button>
        </li>
      ))}
      <li>
        <Button class="chip" aria-pressed={state.whole} onClick={() => controller.selectWhole()}>
          {list[0]!.isWholeImage ? "all together" : "whole image"}
        </Button>
      </li>
    </ul>
  );
}
