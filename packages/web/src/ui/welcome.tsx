import { useContext } from "preact/hooks";
import type { State } from "../controller/state.js";
import type { Controller } from "../controller.js";
import { openSample } from "./files.js";
import example from "./images/example.jpg";
import { LiveContext } from "./live-video.js";
import { Notice } from "./notice.js";
import { modelTypes, PickFile, photoTypes } from "./pick-file.js";

const samples = [
  { name: "dog.jpg", alt: "A dog beside a bicycle on a porch" },
  { name: "chelsea.png", alt: "A cat looking at you" },
  { name: "coffee.png", alt: "A cup of coffee with a spoon" },
] as const;

/** Before there is a photo. The page's HTML begins with the same words and picture, so that nothing moves when the script is there. */
export function Welcome({ controller, state }: { readonly controller: Controller; readonly state: State }) {
  const { photo, model } = state;
  const live = useContext(LiveContext)!;
  const hasNone = model.phase === "failed";
  return (
    <main class="welcome">
      <div class="pitch">
        <h2 class="lead">Why did the detector draw that box?</h2>
        <p class="sub">
          Drop a photo, click a box, and see what in the picture spoke for it. Nothing leaves your browser.
        </p>
        {photo.phase === "failed" && <Notice failure={photo.failure} />}
        {model.phase === "failed" && <Notice failure={model.failure} />}
        <div class="welcome-actions">
          <PickFile controller={controller} accept={photoTypes} class={hasNone ? "button" : "button primary"}>
            Choose a photo
          </PickFile>
          {"mediaDevices" in navigator && (
            <button type="button" class="button" onClick={() => void live.camera()}>
              Camera
            </button>
          )}
          {hasNone && (
            <PickFile controller={controller} accept={modelTypes} class="button primary">
              Open a model
            </PickFile>
          )}
          {hasNone && model.failure.code !== "absent" && (
            <button type="button" class="button" onClick={() => void controller.openModel()}>
              Default model
            </button>
          )}
        </div>
        <p class="faint">or drop or paste one, or try one of these:</p>
        <ul class="samples">
          {samples.map(({ name, alt }) => (
            <li key={name}>
              <button type="button" class="sample" onClick={() => void openSample(controller, name)}>
                <img src={`./photos/${name}`} alt={alt} width="120" height="90" />
              </button>
            </li>
          ))}
        </ul>
      </div>
      <figure class="example">
        <img
          src={example}
          width="640"
          height="480"
          alt="A dog before a bicycle. The dog is framed and its body glows; the bicycle stays dark."
        />
        <figcaption>
          <strong>Why dog?</strong> Bright is what spoke for it. The bicycle did not.
        </figcaption>
      </figure>
    </main>
  );
}
