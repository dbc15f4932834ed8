// What the methods cost, as ratios within one run: part of npm run bench.
import * as ort from "onnxruntime-node";
import { createDetector, createOrtPort, defaultMethods } from "whybox";
import { bytes, image, interleaved, plainForward, print, ratio, results, threads } from "./measure.mjs";

/** Detections to explain: confident ones first, then what a low threshold adds. */
const many = (count) => ({ confidence: 0.0005, iou: 0.95, maxDetections: count });

export async function methodCosts() {
  const plain = await plainForward(640);
  const detector = await createDetector(bytes, createOrtPort(ort), {
    threads,
    methods: [...defaultMethods, maskedPasses],
  });
  const explain = (options) => () => detector.explain(image, options);
  const rows = {};
  const measure = async (name, actions) => {
    const times = await interleaved({ plain: plain.run, ...actions });
    for (const key of Object.keys(actions)) rows[`${name}${key}`] = ratio(times[key] / times.plain);
  };
  for (const method of ["ODAM", "tap-fusion-fast", "tap-fusion"]) {
    await measure(`${method} per detection, `, {
      "1 detection": explain({ method, per: "detection", ...many(1) }),
      "5 detections": explain({ method, per: "detection", ...many(5) }),
      "20 detections": explain({ method, per: "detection", ...many(20) }),
    });
  }
  await measure("", {
    "AblationCAM, layer -2 (512 channels)": explain({ method: "AblationCAM", layer: -2 }),
    "EigenCAM, layer 17": explain({ method: "EigenCAM", layer: 17 }),
    "detection alone": () => detector.detect(image),
  });
  rows["EigenCAM, layer 17, over detection alone"] = ratio(rows["EigenCAM, layer 17"] - rows["detection alone"]);
  Object.assign(rows, await perMask(detector));
  await detector.dispose();
  await plain.release();
  results.methods = rows;
  print("Methods: explain / forward", rows);
}

const MASKS = 64;

/** Masked pictures alone, without what a method does with their scores. */
const maskedPasses = {
  id: "masked-passes",
  title: "Masked passes",
  paper: "none",
  needs: ["masked"],
  reads: "network",
  samples: "masks",
  async map({ masked, samples }) {
    await masked.scores(samples, (_, into) => into.fill(1));
    return { height: 1, width: 1, data: new Float32Array(1) };
  },
};

/** One mask of Score-CAM and D-RISE over one picture of a plain forward pass of the same batch. */
async function perMask(detector) {
  const batch = 4;
  const plain = await plainForward(640, batch);
  const samples = (method, count) => () => detector.explain(image, { method, samples: count });
  const times = await interleaved({
    plain: plain.run,
    none: samples("masked-passes", 1),
    passes: samples("masked-passes", MASKS),
    drise: samples("D-RISE", MASKS),
    score: () => detector.explain(image, { method: "ScoreCAM", layer: 2 }),
  });
  await plain.release();
  const one = times.plain / batch;
  return {
    "masked picture / picture of a plain pass of 4": ratio((times.passes - times.none) / (MASKS - 1) / one),
    "D-RISE, one mask / picture of a plain pass of 4": ratio((times.drise - times.none) / (MASKS - 1) / one),
    "ScoreCAM, one mask (layer 2, 64 channels) / picture of a plain pass of 4": ratio(
      (times.score - times.none) / 64 / one,
    ),
  };
}
