// What an explanation costs by layer and image size, and what the choices that are left open cost.
import { median, readHeatmaps } from "../measure.mjs";
import { coreOf } from "./calls.mjs";

/** That the pass everything is compared with is as fast as with the runtime's defaults. */
export const control = {
  name: "control",
  title: "Control",
  plain: { plain: {}, spins: { spinsOn: true } },
  rows: [
    {
      name: "plain pass whose threads stop spinning, over the runtime's defaults",
      of: "plain",
      value: (ms) => ms.plain / ms.spins,
    },
  ],
};

const LAYERS = { auto: "auto", "−2": -2, 20: 20, 17: 17, 9: 9, 0: 0, input: "images" };

export const layers = {
  name: "layers",
  title: "Grad-CAM by layer",
  async open(side, subject) {
    const { detector, detect } = await coreOf(side, subject);
    const passes = Object.fromEntries(Object.keys(LAYERS).map((name) => [name, []]));
    const explain = (name, layer) => async () => {
      const { timings } = readHeatmaps(await detector.explain(subject.image, { layer }));
      passes[name].push(timings.forward + timings.backward);
    };
    const actions = Object.fromEntries(Object.entries(LAYERS).map(([name, layer]) => [name, explain(name, layer)]));
    return { actions: { ...actions, detect: detect() }, passes, close: () => detector.dispose() };
  },
  rows: Object.keys(LAYERS).flatMap((name) => [
    { name: `layer ${name}`, of: name },
    // The first two calls make sessions and compile code.
    { name: `layer ${name}, passes`, of: name, value: (ms, { passes }) => median(passes[name].slice(2)) / ms.plain },
    { name: `layer ${name}, over detection`, of: name, value: (ms) => (ms[name] - ms.detect) / ms.plain },
  ]),
};

const SIZES = [320, 640, 960];

export const sizes = {
  name: "sizes",
  title: "Grad-CAM at layer −2 by image size",
  plain: Object.fromEntries(SIZES.map((size) => [`plain ${size}`, { size }])),
  async open(side, subject) {
    const core = await coreOf(side, subject);
    return {
      actions: Object.fromEntries(SIZES.map((size) => [size, core.explain({ layer: -2, imageSize: size })])),
      close: () => core.detector.dispose(),
    };
  },
  rows: SIZES.map((size) => ({
    name: `image size ${size}`,
    of: `${size}`,
    value: (ms) => ms[size] / ms[`plain ${size}`],
  })),
};

const CHOICES = {
  "as shipped": {},
  "threads always spin": { port: { spinning: "always" } },
  "threads never spin": { port: { spinning: "never" } },
  "memory pattern": { port: { memoryPattern: true } },
  "forward values recomputed": { create: { forwardValues: "recomputed" } },
};

/** The choices that the runtime and the planner leave open, at one layer near the head and one far from it. */
export const choices = [-2, 17].map((layer) => ({
  name: `choices ${layer}`,
  title: `Choices at layer ${layer}`,
  // Threads that always spin must not slow down the next call.
  async open(side, subject) {
    const cores = await Promise.all(Object.values(CHOICES).map((options) => coreOf(side, subject, options)));
    const names = Object.keys(CHOICES);
    return {
      actions: Object.fromEntries(cores.map((core, i) => [names[i], core.explain({ layer })])),
      close: () => Promise.all(cores.map(({ detector }) => detector.dispose())),
    };
  },
  rows: Object.keys(CHOICES).map((name) => ({ name: `layer ${String(layer).replace("-", "−")}, ${name}`, of: name })),
}));
