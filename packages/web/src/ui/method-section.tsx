import type { Cost } from "@whybox/core";
import { useState } from "preact/hooks";
import { methodChoices, methodOf } from "../controller/methods.js";
import { LayerStrip } from "./layer-strip.js";
import type { SectionProps } from "./section-props.js";

const groups: readonly (readonly [Cost, string])[] = [
  ["fast", "Fast"],
  ["slower", "Slower"],
  ["slow", "Slow: dozens of passes"],
];

export function MethodSection({ controller, state }: SectionProps) {
  const { settings, model, comparing } = state;
  const method = methodOf(settings.method);
  const [strip, setStrip] = useState(false);
  const layers = model.phase === "ready" ? model.model.report.layers : [];
  return (
    <section class="group">
      <h3>{comparing ? "For all methods" : "Method"}</h3>
      {!comparing && (
        <>
          <select
            aria-label="Method"
            value={method.id}
            onChange={({ currentTarget }) => controller.set({ method: currentTarget.value })}
          >
            {groups.map(([cost, title]) => (
              <optgroup key={cost} label={title}>
                {methodChoices
                  .filter((one) => one.cost === cost)
                  .map(({ id, title: name }) => (
                    <option key={id} value={id}>
                      {name}
                    </option>
                  ))}
              </optgroup>
            ))}
          </select>
          <p class="explain" title={method.paper}>
            {method.what}
          </p>
          <p class="explain faint">
            <span class={`cost is-${method.cost}`}>{method.cost}</span> Besides the forward pass: {method.passes}
          </p>
        </>
      )}
      {(comparing || method.takesLayer) && (
        <>
          <label class="field is-inline">
            Layer
            <select
              value={settings.layer}
              onChange={({ currentTarget }) => controller.set({ layer: currentTarget.value })}
            >
              <option value="auto">auto: chosen for each box</option>
              {layers.map((layer) => {
                const value = String(layer.index ?? layer.name);
                return (
                  <option key={value} value={value} disabled={!layer.differentiable}>
                    {layer.index === undefined || layer.name.endsWith(`.${layer.index}`)
                      ? layer.name
                      : `${layer.index}: ${layer.name}`}
                  </option>
                );
              })}
            </select>
          </label>
          <details
            open={strip}
            onToggle={({ currentTarget }) => {
              setStrip(currentTarget.open);
              if (currentTarget.open) controller.lookAtLayers();
            }}
          >
            <summary>Show the layers</summary>
            {strip && <LayerStrip controller={controller} state={state} />}
          </details>
        </>
      )}
      {!comparing && <p class="explain faint paper">{method.paper}</p>}
    </section>
  );
}
