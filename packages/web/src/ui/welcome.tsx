import { useContext } from "preact/hooks";
import type { State } from "../controller/state.js";
import type { Controller } from "../controller.js";
import { openSample } from "./files.js";
import { LiveContext } from "./live-video.js";
import { Notice } from "./notice.js";
import { modelTypes, PickFile, photoTypes } from "./pick-file.js";

const samples = [
  { name: "dog.jpg", alt: "A dog beside a bicycle on a porch" },
  { name: "chelsea.png", alt: "A cat looking at you" },
  { name: "coffee.png", alt: "A cup of coffee with a spoon" },
] as const;

/** Before there is a photo. */
export function Welcome({ controller, state }: { readonly controller: Controller; readonly state: State }) {
  const { photo, model } = state;
  const live = useContext(LiveContext)!;
  return (
    <main class="welcome">
      <h2 class="lead">Why did the detector draw that box?</h2>
      <p class="sub">
        Drop a photo, click a box, and see what in the picture spoke for it. Nothing leaves your browser.
      </p>
      {photo.phase === "failed" && <Notice failure={photo.failure} />}
      {model.phase === "failed" && <Notice failure={model.failure} />}
      <div class="welcome-actions">
        <PickFile controller={controller} accept={photoTypes} class="button primary">
          Choose a photo
        </PickFile>
        {"mediaDevices" in navigator && (
          <button type="button" class="button" onClick={() => void live.camera()}>
            Camera
          </button>
        )}
        {model.phase === "failed" && (
          <PickFile controller={controller} accept={modelTypes}>
            Open a model
          </PickFile>
        )}
      </div>
      <p class="faint">or drop or paste one, or try one of these</p>
      <ul class="samples">
        {samples.map(({ name, alt }) => (
          <li key={name}>
            <button type="button" class="sample" onClick={() => void openSample(controller, name)}>
              <img src={`./photos/${name}`} alt={alt} width="240" height="180" />
            </button>
          </li>
        ))}
      </ul>
    </main>
  );
}
