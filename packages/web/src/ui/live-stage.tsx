import { percent } from "@whybox/report";
import { useContext } from "preact/hooks";
import { methodOf } from "../controller/methods.js";
import { methodsOf } from "../controller/requests.js";
import type { State } from "../controller/state.js";
import { Button } from "./button.js";
import { LiveContext } from "./live-video.js";
import { Notice } from "./notice.js";
import { lookOf } from "./why-box.js";

/** A video with its detections and heatmap, as fast as the machine allows. */
export function LiveStage({ state }: { readonly state: State }) {
  const video = useContext(LiveContext)!;
  const { live, settings } = state;
  const count = live?.count ?? 0;
  if (live === undefined) return null;
  const method = methodsOf(settings)[0]!;
  const size = live.heat ?? { width: 4, height: 3 };
  return (
    <section class="stage" aria-label="Live video">
      <why-box
        class="frame photo is-live"
        style={{ aspectRatio: `${size.width} / ${size.height}`, "--ratio": size.width / size.height }}
        view={{
          image: video.frame(count),
          size,
          heat: live.list.length > 0 ? live.heat : undefined,
          look: lookOf(settings),
          marks: live.list
            .filter(({ isWholeImage, index }) => !isWholeImage || index === 0)
            .map((one) => ({ box: one.boxImage, label: one.className, detail: percent(one.confidence) })),
        }}
      />
      {live.failure && <Notice failure={live.failure} />}
      <div class="row live-bar">
        <p>
          <strong>Live</strong>{" "}
          <span class="faint">
            {live.rate === undefined ? "starting…" : `${live.rate.toFixed(1)} frames per second`} ·{" "}
            {methodOf(method).title}
          </span>
        </p>
        <Button class="button primary" disabled={count === 0} onClick={() => void video.capture()}>
          Capture frame
        </Button>
        <Button onClick={() => video.stop()}>Stop</Button>
      </div>
      {method !== settings.method && (
        <p class="hint">
          {methodOf(settings.method).title} is too slow for video, so {methodOf(method).title} is used. Capture a frame
          to explain it with {methodOf(settings.method).title}.
        </p>
      )}
    </section>
  );
}
