import { percent } from "@whybox/report";
import { useContext, useLayoutEffect, useRef } from "preact/hooks";
import { methodOf } from "../controller/methods.js";
import { methodsOf } from "../controller/requests.js";
import type { State } from "../controller/state.js";
import { place } from "./boxes.js";
import { Button } from "./button.js";
import { HeatCanvas } from "./heat-canvas.js";
import { LiveContext } from "./live-video.js";
import { Notice } from "./notice.js";

/** A video with its detections and heatmap, as fast as the machine allows. */
export function LiveStage({ state }: { readonly state: State }) {
  const video = useContext(LiveContext)!;
  const canvas = useRef<HTMLCanvasElement>(null);
  const { live, settings } = state;
  const count = live?.count ?? 0;
  useLayoutEffect(() => {
    const frame = video.frame(count);
    const shown = canvas.current!;
    shown.width = frame.width;
    shown.height = frame.height;
    if (frame.width > 0) shown.getContext("2d")!.drawImage(frame, 0, 0);
  }, [count]);
  if (live === undefined) return null;
  const method = methodsOf(settings)[0]!;
  const size = live.heat ?? { width: 4, height: 3 };
  return (
    <section class="stage" aria-label="Live video">
      <div
        class="frame photo is-live"
        style={{ aspectRatio: `${size.width} / ${size.height}`, "--ratio": size.width / size.height }}
      >
        <canvas ref={canvas} class="image" />
        {live.heat && live.list.length > 0 && <HeatCanvas heat={live.heat} settings={settings} photo={canvas} />}
        {live.list
          .filter(({ isWholeImage, index }) => !isWholeImage || index === 0)
          .map((one) => (
            <div key={one.index} class="own-box is-plain" style={place(one.boxImage, size)}>
              <span class="box-label">
                {one.className} <span class="box-score">{percent(one.confidence)}</span>
              </span>
            </div>
          ))}
      </div>
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
