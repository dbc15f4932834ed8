import { useContext } from "preact/hooks";
import type { State } from "../controller/state.js";
import type { Controller } from "../controller.js";
import { Button } from "./button.js";
import { openSample } from "./files.js";
import example from "./images/example.jpg";
import { LiveContext } from "./live-video.js";
import { ModelNotice } from "./notice.js";
import { modelTypes, PickFile, photoTypes } from "./pick-file.js";

const samples = [
  { name: "dog.jpg", alt: "A dog beside a bicycle on a porch" },
  { name: "chelsea.png", alt: "A cat looking at you" },
  { name: "coffee.png", alt: "A cup of coffee with a spoon" },
] as const;

/** The page before a photo is opened. `index.html` has the same text and image, so nothing moves when the script loads. */
export function Welcome({ controller, state }: { readonly controller: Controller; readonly state: State }) {
  const { model } = state;
  const live = useContext(LiveContext)!;
  const hasNone = model.phase === "failed";
  return (
    <main class="welcome">
      <div class="pitch">
        <h2 class="lead">Why did the detector draw that box?</h2>
        <p class="sub">
          Drop a photo, click a box, and see which parts of the image support it. Nothing leaves your browser.
        </p>
        {model.phase === "failed" && <ModelNotice controller={controller} failure={model.failure} />}
        <div class="welcome-actions">
          <PickFile controller={controller} accept={photoTypes} class={hasNone ? "button" : "button primary"}>
            Choose a photo
          </PickFile>
          {"mediaDevices" in navigator && <Button onClick={() => void live.camera()}>Camera</Button>}
          {hasNone && (
            <PickFile controller={controller} accept={modelTypes} class="button primary">
              Open a model
            </PickFile>
          )}
          {hasNone && model.failure.code !== "absent" && (
            <Button onClick={() => void controller.openModel()}>Default model</Button>
          )}
        </div>
        <p class="faint">You can also drop or paste one, or try one of these:</p>
        <ul class="samples">
          {samples.map(({ name, alt }) => (
            <li key={name}>
              <Button class="sample" onClick={() => void openSample(controller, name)}>
                <img src={`./photos/${name}`} alt={alt} width="120" height="90" />
              </Button>
            </li>
          ))}
        </ul>
      </div>
      <figure class="example">
        <img
          src={example}
          width="640"
          height="480"
          alt="A dog in front of a bicycle. The dog has a box and its body is bright. The bicycle is dark."
        />
        <figcaption>
          <strong>Why dog?</strong> Bright areas supported it. The bicycle did not.
        </figcaption>
      </figure>
    </main>
  );
}
