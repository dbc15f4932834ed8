import { type ColormapName, colormapNames } from "@whybox/core";
import type { Settings } from "../controller/settings.js";
import { Fold, Range, Select } from "./fields.js";
import type { SectionProps } from "./section-props.js";

/** Turbo and jet are rainbows: people who see red and green alike cannot read them. */
const colormapTexts: Readonly<Record<ColormapName, string>> = {
  inferno: "inferno",
  magma: "magma",
  viridis: "viridis",
  turbo: "turbo (rainbow)",
  jet: "jet (rainbow)",
};

/** How the heatmap is drawn. */
export function LookSection({ controller, state: { settings } }: SectionProps) {
  const safeFirst = [...colormapNames].sort((a, b) => Number(a in rainbow) - Number(b in rainbow));
  return (
    <Fold title="Look" now={nowText(settings)} open={isWide}>
      <Select
        label="Colours"
        value={settings.colormap}
        choices={safeFirst.map((name) => [name, colormapTexts[name]] as const)}
        onSet={(colormap) => controller.set({ colormap })}
      />
      <Range
        label="Only the hottest"
        value={settings.topPercent}
        {...{ min: 1, max: 100, step: 1 }}
        show={(value) => (value === 100 ? "all" : `${value} %`)}
        onSet={(topPercent) => controller.set({ topPercent })}
      />
      <Select
        label="Cut"
        value={settings.crop}
        choices={[
          ["off", "colours over the photo"],
          ["hot", "only what is hot"],
          ["rest", "all but what is hot"],
        ]}
        onSet={(crop) => controller.set({ crop })}
      />
      {settings.crop !== "off" && settings.topPercent === 100 && (
        <p class="hint">Nearly every pixel has some heat: keep only the hottest 10 % or so to see a cut.</p>
      )}
    </Fold>
  );
}

/** Where there is room, what is used most is at hand. */
const isWide = matchMedia("(min-width: 54em)").matches;

function nowText({ colormap, topPercent, crop }: Settings): string {
  const part = topPercent === 100 ? "" : `, hottest ${topPercent} %`;
  return `${crop === "off" ? colormap : "cut"}${part}`;
}

const rainbow = { turbo: true, jet: true };
