import { percent } from "@whybox/report";
import { type Settings, threeNumbers } from "../controller/settings.js";
import type { Controller } from "../controller.js";
import { Range, Select, TextField } from "./fields.js";

interface InputControlsProps {
  readonly controller: Controller;
  readonly settings: Settings;
}

/** How images are prepared for the model, for files that do not say it or say it wrongly. */
export function InputControls({ controller, settings }: InputControlsProps) {
  return (
    <details>
      <summary>Prepare images in another way</summary>
      <div class="fold-body">
        <Select
          label="Fit"
          value={settings.inputFit}
          choices={[
            ["auto", "auto: as the model says"],
            ["letterbox", "letterbox: with grey around"],
            ["stretch", "stretch"],
            ["crop", "crop in the middle"],
          ]}
          onSet={(inputFit) => controller.set({ inputFit })}
        />
        {settings.inputFit === "crop" && (
          <Range
            label="Share that is kept"
            value={settings.inputCrop}
            {...{ min: 0.05, max: 1, step: 0.005, show: (value: number) => percent(value, 1) }}
            onSet={(inputCrop) => controller.set({ inputCrop })}
          />
        )}
        <TextField
          label="Mean"
          value={settings.inputMean}
          placeholder="auto, or 0.485, 0.456, 0.406"
          problem={(text) => tripleProblem(text)}
          onSet={(inputMean) => controller.set({ inputMean })}
        />
        <TextField
          label="Standard deviation"
          value={settings.inputStd}
          placeholder="auto, or 0.229, 0.224, 0.225"
          problem={(text) => tripleProblem(text, " above 0")}
          onSet={(inputStd) => controller.set({ inputStd })}
        />
        <Select
          label="Pixel values"
          value={settings.inputRange}
          choices={[
            ["auto", "auto: as the model says"],
            ["1", "0 to 1"],
            ["255", "0 to 255"],
          ]}
          onSet={(inputRange) => controller.set({ inputRange })}
        />
        <Select
          label="Order of the colours"
          value={settings.inputChannels}
          choices={[
            ["auto", "auto: as the model says"],
            ["rgb", "RGB"],
            ["bgr", "BGR"],
          ]}
          onSet={(inputChannels) => controller.set({ inputChannels })}
        />
        <Select
          label="Grey padding"
          value={settings.inputPadding}
          choices={[
            ["auto", "auto: as the model says"],
            ["centre", "around the image"],
            ["end", "at its right and bottom"],
          ]}
          onSet={(inputPadding) => controller.set({ inputPadding })}
        />
      </div>
    </details>
  );
}

/** What is wrong with three numbers. Empty if nothing is; an empty text means auto. */
function tripleProblem(text: string, bound: "" | " above 0" = ""): string {
  const numbers = threeNumbers(text);
  const fits = numbers?.every((one) => bound === "" || one > 0) ?? false;
  return text.trim() === "" || fits ? "" : `Three numbers${bound}, such as 0.5, 0.5, 0.5.`;
}
