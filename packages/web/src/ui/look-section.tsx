import { type ColormapName, colormapNames } from "@whybox/core";
import type { Settings } from "../controller/settings.js";
import { Fold, Select } from "./fields.js";
import { OptionControls } from "./option-controls.js";
import type { SectionProps } from "./section-props.js";

/** Turbo and jet are rainbow scales. People with red-green colour blindness cannot read them. */
const colormapTexts: Readonly<Record<ColormapName, string>> = {
  inferno: "inferno",
  magma: "magma",
  viridis: "viridis",
  turbo: "turbo (rainbow)",
  jet: "jet (rainbow)",
};

/** Settings of how the heatmap is drawn. */
export function LookSection({ controller, state }: SectionProps) {
  const { settings } = state;
  return (
    <Fold title="Appearance" now={nowText(settings)}>
      <Select
        label="Colours"
        value={settings.colormap}
        choices={colormapNames.map((name) => [name, colormapTexts[name]] as const)}
        onSet={(colormap) => controller.set({ colormap })}
      />
      <OptionControls names={["keepTopPercent"]} {...{ controller, state }} />
      <Select
        label="Cut"
        value={settings.crop}
        choices={[
          ["off", "off: colours over the photo"],
          ["hot", "show only hot areas"],
          ["rest", "hide hot areas"],
        ]}
        onSet={(crop) => controller.set({ crop })}
      />
      {settings.crop !== "off" && settings.keepTopPercent === 100 && (
        <p class="hint">Nearly every pixel has some heat. Set “Only the hottest” to about 10 % to see the cut.</p>
      )}
    </Fold>
  );
}

function nowText({ colormap, keepTopPercent, crop }: Settings): string {
  const part = keepTopPercent === 100 ? "" : `, hottest ${keepTopPercent} %`;
  return `${crop === "off" ? colormap : "cut"}${part}`;
}
