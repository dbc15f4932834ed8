// Measures the playground's engine in Chromium, beside Node's on the same machine: medians of interleaved runs.
//   npm run bench:web            all of it (some minutes); the numbers go to bench/results/web.json
//   npm run bench:web -- --quick one round with all threads, nothing saved
import { setTimeout } from "node:timers/promises";
import * as ort from "onnxruntime-node";
import { createDetector, createOrtPort } from "whybox";
import { facts, median, print, quick, ratio, readHeatmaps, repeats, root, threads, timed } from "./measure.mjs";
import { saveResults } from "./results.mjs";
import { bytes, image, photo } from "./subject.mjs";
import { openBenchPage, serveLibrary } from "./web-page.mjs";

/** Each round is some seven passes long. */
const rounds = quick ? 1 : 7;
/** Steps of bench/web-page.mjs that follow each other. */
const sequences = [
  ["forward"],
  ["decode", "explain"],
  ["decode", "detectAlone"],
  ["decode", "detect", "quickMap", "tapFusion", "nextTapFusion"],
  ["decode", "detect", "quickMap", "tapFusionOfFour"],
  ["liveFrame"],
];

/** Every sequence once in each round, in another order each time, so that none always follows the same: median milliseconds of the steps. */
async function inChromium(server, count) {
  const page = await openBenchPage(server, count);
  const times = {};
  try {
    for (let i = -1; i < rounds; i++) {
      const order = sequences.map((steps) => ({ steps, at: Math.random() })).sort((a, b) => a.at - b.at);
      for (const name of order.flatMap(({ steps }) => steps)) {
        // Whatever is left to tidy up is not to be anybody's time.
        await setTimeout(100);
        const ms = await page.time(name);
        if (i >= 0) times[name] = [...(times[name] ?? []), ms];
      }
    }
  } finally {
    await page.close();
  }
  const ms = Object.fromEntries(Object.entries(times).map(([name, values]) => [name, ratio(median(values))]));
  return { ...page.facts, ms };
}

async function inNode() {
  const detector = await createDetector(bytes, createOrtPort(ort), { threads });
  const times = [];
  for (let i = quick ? -1 : -2; i < (quick ? 1 : repeats); i++) {
    const { ms } = await timed(async () =>
      readHeatmaps(await detector.explain(image, { method: "GradCAM", layer: -2 })),
    );
    if (i >= 0) times.push(ms);
  }
  await detector.dispose();
  return median(times);
}

function ratiosOf(ms, node) {
  const ratios = {
    "Grad-CAM at −2 / forward": ms.explain / ms.forward,
    "Grad-CAM at −2 / detection": ms.explain / ms.detectAlone,
    "Grad-CAM at −2 / the same in Node": ms.explain / node,
    "detection that prepares the maps / forward": ms.detect / ms.forward,
    "after a detection, Grad-CAM of every box / forward": ms.quickMap / ms.forward,
    "after a click, tap fusion of 1 box / forward (aim ≤ 1)": ms.tapFusion / ms.forward,
    "after the next click, tap fusion of 1 box / forward (aim ≤ 1)": ms.nextTapFusion / ms.forward,
    "tap fusion of 4 boxes / forward (aim ≤ 1)": ms.tapFusionOfFour / ms.forward,
    "live frames per second": 1000 / ms.liveFrame,
  };
  return Object.fromEntries(Object.entries(ratios).map(([name, value]) => [name, ratio(value)]));
}

const server = await serveLibrary();
try {
  const node = await inNode();
  const web = {};
  for (const count of new Set(quick ? [threads] : [threads, 1])) {
    const { ms, ...opened } = await inChromium(server, count);
    const name = `wasm, ${count} thread${count === 1 ? "" : "s"}`;
    web[name] = { ...opened, ratios: ratiosOf(ms, node), ms };
    const rows = Object.entries(ms).map(([step, value]) => [`${step} ms`, value]);
    print(name, { ...web[name].ratios, ...Object.fromEntries(rows) });
  }
  const run = { ...facts(), repeats: rounds, photo: photo.slice(root.length + 1), nodeMs: ratio(node) };
  if (!quick) saveResults("web.json", { ...run, web });
} finally {
  await server.close();
}
