import type { LoadProgress, State } from "../controller/state.js";
import type { Controller } from "../controller.js";
import { modelTypes, PickFile, photoTypes } from "./pick-file.js";
import { progressText, providerText } from "./texts.js";

/** The name of the page, the state of the model, and a button to open another photo. */
export function Header({ controller, state }: { readonly controller: Controller; readonly state: State }) {
  const hasPhoto = state.photo.phase === "ready" || state.photo.phase === "decoding" || state.live !== undefined;
  return (
    <header class="top">
      <h1 class="brand">
        <img src="./icon.svg" width="28" height="28" alt="" />
        <span class="brand-name">Whybox</span>
      </h1>
      <ModelChip controller={controller} state={state} />
      <PickFile controller={controller} accept={modelTypes} class="button" name="Open a model">
        <span>
          <span class="wide-only">Open a </span>model
        </span>
      </PickFile>
      {hasPhoto && (
        <PickFile controller={controller} accept={photoTypes} class="button" name="Choose another photo">
          <span>
            <span class="wide-only">Another </span>photo
          </span>
        </PickFile>
      )}
    </header>
  );
}

function ModelChip({ controller, state: { model } }: { readonly controller: Controller; readonly state: State }) {
  if (model.phase === "ready") {
    const { report, provider } = model.model;
    return (
      <p class="model-chip" title={provider.note}>
        <span class="dot is-on" />
        <span class="model-name">{report.name}</span> <span class="faint provider">{providerText(provider)}</span>
      </p>
    );
  }
  if (model.phase === "failed") {
    return (
      <p class="model-chip">
        <span class="dot is-off" /> No model
      </p>
    );
  }
  return (
    <div class="model-chip">
      <span class="dot is-busy" />
      <Loading progress={model.progress} />
      <button
        type="button"
        class="link"
        aria-label="Cancel loading the model"
        onClick={() => controller.cancelOpening()}
      >
        Cancel
      </button>
    </div>
  );
}

function Loading({ progress }: { readonly progress: LoadProgress | undefined }) {
  const { received, total } = progress?.download ?? {};
  return (
    <>
      <span class="model-name">{progressText(progress)}…</span>
      {received !== undefined && total ? (
        <progress value={received} max={total} aria-label="Loading the model" />
      ) : null}
    </>
  );
}
