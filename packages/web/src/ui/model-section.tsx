import { namesText, type PortFacts, pixelText, preparedText } from "@whybox/core";
import type { Model } from "../controller/state.js";
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
      now={model.phase === "ready" ? model.model.report.name : model.phase === "failed" ? "none" : "loading…"}
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

function ModelFacts({ model: { report, provider } }: { readonly model: Model }) {
  const rows: readonly (readonly [string, string])[] = [
    ["File", `${report.name}, ${(report.bytes / 1e6).toFixed(1)} MB`],
    ["Format", `${report.format}, opset ${report.opset}${report.producer && `, ${report.producer}`}`],
    ["Input", report.inputs.map(portText).join("; ")],
    ["Pixels", pixelText(report.input)],
    ["Prepared", preparedText(report.input)],
    ["Output", report.outputs.map(portText).join("; ")],
    [
      "Head",
      `${report.head.kind}: ${report.head.levels.map(({ name, stride }) => `${name} (stride ${stride})`).join(", ")}`,
    ],
    ...(report.head.assumed?.length ? [["Assumed", report.head.assumed.join("; ")] as const] : []),
    [
      "Classes",
      `${report.classNames.length}: ${report.classNames.slice(0, 6).join(", ")}${report.classNames.length > 6 ? ", …" : ""}${namesText(report.classNamesFrom)}`,
    ],
    [
      "Layers",
      `${report.layers.length}, ${report.layers.filter(({ differentiable }) => differentiable).length} differentiable`,
    ],
    ["Runs on", `${providerText(provider)}${provider.note ? `. ${provider.note}` : ""}`],
  ];
  return (
    <>
      <FactList facts={rows} class="model-facts" />
      <details>
        <summary>All layers</summary>
        <ul class="layer-list">
          {report.layers.map(({ index, name, reason }) => (
            <li key={name}>
              {index !== undefined && !name.endsWith(`.${index}`) ? `${index}: ${name}` : name}
              {reason !== undefined && <span class="faint"> · {reason}</span>}
            </li>
          ))}
        </ul>
      </details>
      {report.notice && <p class="explain faint">{report.notice}</p>}
    </>
  );
}

function portText({ name, type, shape }: PortFacts): string {
  return `${name}: ${type} [${shape.map((dim) => dim ?? "?").join(", ")}]`;
}
