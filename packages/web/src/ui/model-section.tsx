import type { OpenedModel } from "@whybox/browser/engine";
import { namesText, pixelText, preparedText } from "@whybox/core";
import { Button } from "./button.js";
import { FactList } from "./fact-list.js";
import { Fold, Select } from "./fields.js";
import { InputControls } from "./input-controls.js";
import { modelTypes, PickFile } from "./pick-file.js";
import type { SectionProps } from "./section-props.js";
import { providerText } from "./texts.js";

/** The model, its properties, and the device that it runs on. */
export function ModelSection({ controller, state: { model, settings } }: SectionProps) {
  return (
    <Fold
      title="Model"
      now={model.phase === "ready" ? model.model.name : model.phase === "failed" ? "none" : "loading…"}
    >
      {model.phase === "ready" && <ModelFacts model={model.model} />}
      <InputControls controller={controller} settings={settings} />
      <div class="row">
        <PickFile controller={controller} accept={modelTypes}>
          Open .onnx or .pt
        </PickFile>
        <Button class="button quiet" onClick={() => void controller.openModel()}>
          Default model
        </Button>
      </div>
      <Select
        label="Runs on"
        value={settings.device}
        choices={[
          ["auto", "auto: the fastest available"],
          ["webgpu", "WebGPU"],
          ["wasm", "the CPU"],
        ]}
        onSet={(device) => controller.set({ device })}
      />
      <Select
        label="Threads on the CPU"
        value={settings.threads === 1 ? "1" : "0"}
        choices={[
          ["0", "auto: all cores"],
          ["1", "one"],
        ]}
        onSet={(threads) => controller.set({ threads: Number(threads) })}
      />
    </Fold>
  );
}

function ModelFacts({ model }: { readonly model: OpenedModel }) {
  const rows: readonly (readonly [string, string])[] = [
    ["File", `${model.name}, ${(model.bytes / 1e6).toFixed(1)} MB`],
    ["Format", `${model.format}, opset ${model.opset}${model.producer && `, ${model.producer}`}`],
    ["Input", model.inputs.join("; ")],
    ["Pixels", pixelText(model.input)],
    ["Prepared", preparedText(model.input)],
    ["Output", model.outputs.join("; ")],
    ["Head", `${model.head}: ${model.levels.map(({ name, stride }) => `${name} (stride ${stride})`).join(", ")}`],
    ...(model.assumed.length > 0 ? [["Assumed", model.assumed.join("; ")] as const] : []),
    [
      "Classes",
      `${model.classNames.length}: ${model.classNames.slice(0, 6).join(", ")}${model.classNames.length > 6 ? ", …" : ""}${namesText(model.classNamesFrom)}`,
    ],
    [
      "Layers",
      `${model.layers.length}, ${model.layers.filter(({ differentiable }) => differentiable).length} differentiable`,
    ],
    ["Runs on", `${providerText(model.provider)}${model.provider.note ? `. ${model.provider.note}` : ""}`],
  ];
  return (
    <>
      <FactList facts={rows} class="model-facts" />
      <details>
        <summary>All layers</summary>
        <ul class="layer-list">
          {model.layers.map(({ index, name, reason }) => (
            <li key={name}>
              {index !== undefined && !name.endsWith(`.${index}`) ? `${index}: ${name}` : name}
              {reason !== undefined && <span class="faint"> · {reason}</span>}
            </li>
          ))}
        </ul>
      </details>
      {model.notice && <p class="explain faint">{model.notice}</p>}
    </>
  );
}
