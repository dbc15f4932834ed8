import { foundOf, refuseUnknown, WhyboxError } from "@whybox/core";
import type { Engine, EngineOptions } from "./api.js";
import { Calls } from "./calls.js";
import { Images } from "./images.js";
import { openDetector } from "./open-detector.js";
import { engineFiles, startWorker } from "./places.js";

const optionNames = Object.keys({ folder: true, maxPixels: true } satisfies Record<keyof EngineOptions, true>);

/**
 * Starts an engine for several models or images in turn. `loadDetector` does this by itself.
 * @throws usage for an invalid option.
 */
export function startEngine(options: EngineOptions = {}): Engine {
  refuseUnknown(options, optionNames);
  const { folder, maxPixels } = options;
  if (maxPixels !== undefined && !(Number.isFinite(maxPixels) && maxPixels >= 1)) {
    throw new WhyboxError("usage", `maxPixels is ${foundOf(maxPixels)}; expected a number of 1 or more.`);
  }
  const files = engineFiles(folder);
  const calls = new Calls(() => startWorker(files.worker));
  const images = new Images(maxPixels);
  const engine: Engine = {
    loadDetector: (weights, own = {}) => openDetector({ engine, calls, images, files }, weights, own),
    open: (source, { signal } = {}) =>
      images.with(source, signal, (image) => calls.ask({ kind: "image", image }, { signal })),
    toPng: (source, drawing) => images.with(source, undefined, (image) => calls.ask({ kind: "png", image, drawing })),
    close: (why) => calls.close(why),
  };
  return engine;
}
