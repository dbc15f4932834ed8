import { defaultSettings, type Settings } from "../controller/settings.js";
import { later } from "./later.js";
import type { SectionProps } from "./section-props.js";

const ExpertDials = later(() => import("./expert-dials.js").then((part) => part.ExpertDials));

/** All dials, folded: the page explains without them. */
export function Expert(props: SectionProps) {
  return (
    <details class="group expert">
      <summary>
        <h2>Expert</h2>
        <span class="fold-now">{changedText(props.state.settings)}</span>
      </summary>
      <ExpertDials {...props} />
    </details>
  );
}

/** How many dials differ from their defaults. The opacity has its dial beside the image. */
function changedText(settings: Settings): string {
  const keys = Object.keys(defaultSettings) as (keyof Settings)[];
  const changed = keys.filter((key) => key !== "opacity" && String(settings[key]) !== String(defaultSettings[key]));
  return changed.length === 0 ? "method, layer, colours, model" : `${changed.length} changed`;
}
