import { proxy, type Remote, transfer, wrap } from "comlink";
import { render } from "preact";
import type { EngineHandle } from "../controller/memory-watch.js";
import { fromHash, toHash } from "../controller/settings.js";
import { Controller } from "../controller.js";
import type { Engine, OnProgress } from "../protocol.js";
import { App } from "./app.js";
import { LiveContext, LiveVideo } from "./live-video.js";
import { startServiceWorker } from "./service-worker.js";

function startEngine(): EngineHandle {
  const worker = new Worker(new URL("../worker/worker.ts", import.meta.url), { type: "module" });
  const remote = wrap<Engine>(worker) as Remote<Engine>;
  const told = (tell: OnProgress) => proxy(tell);
  const engine: Engine = {
    open: (job, request, tell) => remote.open(job, request, told(tell)),
    decode: (job, file) => remote.decode(job, file),
    frame: (job, frame) => remote.frame(job, transfer(frame, [frame])),
    detect: (job, request, tell) => remote.detect(job, request, told(tell)),
    explain: (job, request, tell) => remote.explain(job, request, told(tell)),
    activations: (job, request, tell) => remote.activations(job, request, told(tell)),
    draw: (job, request) => remote.draw(job, request),
    document: (job, request, tell) => remote.document(job, request, told(tell)),
    cancel: (job) => remote.cancel(job),
  };
  return { engine, close: () => worker.terminate() };
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
