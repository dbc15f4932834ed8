import { connectEngine, type EngineHandle } from "@whybox/browser/engine";
import { render } from "preact";
import { fromHash, toHash } from "../controller/settings.js";
import { Controller } from "../controller.js";
import { App } from "./app.js";
import { LiveContext, LiveVideo } from "./live-video.js";
import { startServiceWorker } from "./service-worker.js";

function startEngine(): EngineHandle {
  return connectEngine(new Worker(new URL("../worker.ts", import.meta.url), { type: "module" }));
}

const controller = new Controller({
  startEngine,
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
