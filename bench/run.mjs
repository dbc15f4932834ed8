// Measures what an explanation costs over a plain forward pass, as ratios within one run, medians of interleaved runs.
//   npm run bench            all of it (some minutes)
//   npm run bench -- --quick few repetitions, nothing saved
//   npm run bench -- --reference FOLDER  also a checkpoint's graph over its official export (bench/torch.mjs)
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { createDetector, createOrtPort, loadDetector } from "whybox";
import {
  bytes,
  image,
  interleaved,
  median,
  path,
  photo,
  plainForward,
  print,
  quick,
  ratio,
  results,
  root,
  threads,
} from "./measure.mjs";
import { methodCosts } from "./methods.mjs";

/** Pixels in, heatmap out, over the plain forward pass; and what the two passes alone cost. */
async function byLayer() {
  const plain = await plainForward(640);
  const detector = await createDetector(bytes, createOrtPort(ort), { threads });
  const layers = { auto: "auto", "-2": -2, 20: 20, 17: 17, 9: 9, 0: 0, input: "images" };
  const rows = {};
  for (const [name, layer] of Object.entries(layers)) {
    const passes = [];
    const times = await interleaved({
      plain: plain.run,
      fromPixels: plain.runFromPixels,
      detect: () => detector.detect(image),
      explain: async () => {
        const { timings } = await detector.explain(image, { layer });
        passes.push(timings.forward + timings.backward);
      },
    });
    rows[name] = {
      explainOverForward: ratio(times.explain / times.plain),
      passesOverForward: ratio(median(passes.slice(2)) / times.plain),
      explainOverPixelsAndForward: ratio(times.explain / times.fromPixels),
      explainOverDetect: ratio(times.explain / times.detect),
      forwardMs: ratio(times.plain),
    };
  }
  await detector.dispose();
  await plain.release();
  results.layers = rows;
  print(
    "Grad-CAM by layer, 640: explain / forward · forward+backward / forward · explain / letterbox+forward · explain / detect",
    Object.fromEntries(
      Object.entries(rows).map(([name, row]) => [
        name,
        `${row.explainOverForward} · ${row.passesOverForward} · ${row.explainOverPixelsAndForward} · ${row.explainOverDetect} (forward ${row.forwardMs} ms)`,
      ]),
    ),
  );
}

/** That the pass everything is compared with is as fast as with the runtime's defaults. */
async function control() {
  const [stops, spins] = [await plainForward(640), await plainForward(640, 1, true)];
  const times = await interleaved({ stops: stops.run, spins: spins.run }, 150);
  await stops.release();
  await spins.release();
  results.control = { "forward, threads stop spinning / runtime's defaults": ratio(times.stops / times.spins) };
  print("Control", results.control);
}

/** The choices that the runtime and the planner leave open, at one layer near the head and one far from it. */
async function byChoice() {
  const choices = {
    "as shipped": [{}, undefined],
    "threads always spin": [{ spinning: "always" }, undefined],
    "threads never spin": [{ spinning: "never" }, undefined],
    "memory pattern": [{ memoryPattern: true }, undefined],
    "forward values recomputed": [{}, "recomputed"],
  };
  const rows = {};
  for (const layer of [-2, 17, 9]) {
    for (const [name, [port, forwardValues]] of Object.entries(choices)) {
      const plain = await plainForward(640);
      const options = { threads, ...(forwardValues ? { forwardValues } : {}) };
      const detector = await createDetector(bytes, createOrtPort(ort, port), options);
      const explain = () => detector.explain(image, { layer });
      const times = await interleaved({ plain: plain.run, explain }, port.spinning === "always" ? 150 : 0);
      rows[`layer ${layer}, ${name}`] = ratio(times.explain / times.plain);
      await detector.dispose();
      await plain.release();
    }
  }
  results.choices = rows;
  print("Choices: explain / forward", rows);
}

async function bySize() {
  const rows = {};
  for (const size of [320, 640, 960]) {
    const plain = await plainForward(size);
    const detector = await createDetector(bytes, createOrtPort(ort), { threads });
    const times = await interleaved({
      plain: plain.run,
      explain: () => detector.explain(image, { layer: -2, imageSize: size }),
    });
    rows[size] = ratio(times.explain / times.plain);
    await detector.dispose();
    await plain.release();
  }
  results.sizes = rows;
  print("Image size, layer -2: explain / forward", rows);
}

async function byDetections() {
  const plain = await plainForward(640);
  const detector = await createDetector(bytes, createOrtPort(ort), { threads });
  const rows = {};
  for (const layer of [-2, "auto"]) {
    for (const maxDetections of [1, 10, 100]) {
      const options = { layer, maxDetections, confidence: 0.0005, iou: 0.95 };
      const found = (await detector.explain(image, options)).detections.length;
      const times = await interleaved({ plain: plain.run, explain: () => detector.explain(image, options) });
      rows[`layer ${layer}, ${found} detections`] = ratio(times.explain / times.plain);
    }
  }
  await detector.dispose();
  await plain.release();
  results.detections = rows;
  print("Detections: explain / forward", rows);
}

/** In the worker thread, as the Node package runs it. */
async function inWorker() {
  const plain = await plainForward(640);
  const detector = await loadDetector(path, { threads });
  const times = await interleaved({ plain: plain.run, explain: () => detector.explain(image, { layer: -2 }) });
  await detector.dispose();
  await plain.release();
  results.worker = { "layer -2": ratio(times.explain / times.plain) };
  print("Worker thread: explain / forward", results.worker);
}

/** The whole command: start, load, explain, draw, write. */
async function command() {
  const plain = await plainForward(640);
  const folder = mkdtempSync(join(tmpdir(), "whybox-bench-"));
  const peakFile = join(folder, "peak");
  // VmHWM where there is one: the resource usage of a child starts at its parent's.
  const hook = `data:text/javascript,${encodeURIComponent(`import { existsSync, readFileSync, writeFileSync } from "node:fs";
    process.on("exit", () => {
      const status = existsSync("/proc/self/status") ? readFileSync("/proc/self/status", "utf8") : "";
      writeFileSync(${JSON.stringify(peakFile)}, /VmHWM:\\s+(\\d+)/.exec(status)?.[1] ?? String(process.resourceUsage().maxRSS));
    });`)}`;
  let peak = 0;
  const times = await interleaved({
    plain: plain.run,
    command: () => {
      const args = [
        "--import",
        hook,
        join(root, "packages/node/bin/whybox.js"),
        "explain",
        photo,
        "--weights",
        path,
        "--out",
        join(folder, "out"),
        "--quiet",
      ];
      const { status, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
      if (status !== 0) throw new Error(`the command failed: ${stderr}`);
      peak = Math.max(peak, Number(readFileSync(peakFile, "utf8")) / 1024);
    },
  });
  await plain.release();
  rmSync(folder, { recursive: true, force: true });
  results.command = {
    overForward: ratio(times.command / times.plain),
    seconds: ratio(times.command / 1000),
    peakMiB: Math.round(peak),
  };
  print("The whole command (weights cached)", results.command);
}

for (const part of [control, byLayer, byChoice, bySize, byDetections, inWorker, command, methodCosts]) await part();
if (!quick) {
  const file = join(root, "bench/results/explain.json");
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
  console.log(`\nSaved to ${file}`);
}
// In a process of its own, with the options of this one.
const { status } = spawnSync(process.execPath, [join(root, "bench/torch.mjs"), ...process.argv.slice(2)], {
  stdio: "inherit",
});
process.exitCode = status ?? 1;
