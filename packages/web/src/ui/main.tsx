import { startEngine } from "@whybox/browser";
import { render } from "preact";
import { fromHash, toHash } from "../controller/settings.js";
import { Controller } from "../controller.js";
import { App } from "./app.js";
import { LiveContext, LiveVideo } from "./live-video.js";
import { startServiceWorker } from "./service-worker.js";

/** Larger photos are scaled down to this number of pixels, because a heatmap takes four bytes per pixel. */
const MAX_PIXELS = 16_000_000;

const controller = new Controller({
  startEngine: () => startEngine({ maxPixels: MAX_PIXELS }),
  base: new URL("./", document.baseURI).href,
  settings: fromHash(location.hash),
});
controller.subscribe(() => {
  const hash = toHash(controller.state.settings);
  if (location.hash.replace(/^#/, "") !== hash)
    history.replaceState(null, "", hash === "" ? location.pathname : `#${hash}`);
});
addEventListener("hashchange", () => controller.set(fromHash(location.hash)));
const root = document.querySelector("#app")!;
root.replaceChildren();
render(
  <LiveContext.Provider value={new LiveVideo(controller)}>
    <App controller={controller} />
  </LiveContext.Provider>,
  root,
);
// The model is opened after the first paint, so the paint does not wait for it.
requestAnimationFrame(() => setTimeout(() => void controller.openModel()));
startServiceWorker(() => controller.state.photo.phase === "none");
