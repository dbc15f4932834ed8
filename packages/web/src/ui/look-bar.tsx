import { percent } from "@whybox/report";
import { Range } from "./fields.js";
import { Legend } from "./legend.js";
import { shownRegion } from "./region.js";
import type { SectionProps } from "./section-props.js";

/** The colour scale and the opacity of the heatmap, right below the photo. */
export function LookBar({ controller, state }: SectionProps) {
  const { settings } = state;
  const region = shownRegion(state);
  if (region !== undefined) return <p class="look-bar hint">{region.label}</p>;
  if (settings.crop !== "off") {
    return (
      <p class="look-bar hint">
        {settings.crop === "hot" ? "Only hot areas are shown" : "Hot areas are hidden"}. The rest has the photo's mean
        colour.
      </p>
    );
  }
  return (
    <div class="look-bar">
      <Legend name={settings.colormap} />
      <Range
        label="Heatmap opacity"
        value={settings.opacity}
        {...{ min: 0, max: 1, step: 0.05, show: percent }}
        onMove={(opacity) => controller.set({ opacity })}
        onSet={(opacity) => controller.set({ opacity })}
      />
    </div>
  );
}
