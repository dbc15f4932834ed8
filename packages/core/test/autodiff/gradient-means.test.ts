import { describe, expect, it } from "vitest";
import { channelMeans } from "../../src/methods/channels.js";
import type { AnyCamMethod } from "../../src/methods/index.js";
import type { CamMethod } from "../../src/methods/method.js";
import type { MethodId } from "../../src/methods/method-id.js";
import { MINI_SIZE, miniDetector, picture } from "../support/mini-detector.js";

type Means = CamMethod<"activations" | "gradientMeans">;
type Whole = CamMethod<"activations" | "gradients" | "gradientMeans">;

const common = { title: "Probe", paper: "none" };
const nothing = { height: 1, width: 1, data: new Float32Array(1) };

/** A method that looks at the means alone, and one for which they are made of the whole gradients. */
function probes() {
  const seen: { alone: Float32Array[]; beside: Float32Array[]; made: Float64Array[] } = {
    alone: [],
    beside: [],
    made: [],
  };
  const alone: Means = {
    ...{ ...common, id: "alone", needs: ["activations", "gradientMeans"] },
    map: ({ gradientMeans }) => {
      seen.alone.push(gradientMeans.slice());
      return nothing;
    },
  };
  const beside: Whole = {
    ...{ ...common, id: "beside", needs: ["activations", "gradients", "gradientMeans"] },
    map: ({ gradients, gradientMeans }) => {
      seen.beside.push(gradientMeans.slice());
      seen.made.push(channelMeans(gradients));
      return nothing;
    },
  };
  return { seen, methods: [alone, beside] as AnyCamMethod[] };
}

describe("the means of gradients alone", () => {
  it.each(["image", "class", "detection"] as const)("equal those of the whole ones, per %s", async (per) => {
    const { seen, methods } = probes();
    const detector = await miniDetector({ methods });
    const ask = (method: string, layer: number | "auto") =>
      detector.explain(picture(), {
        imageSize: MINI_SIZE,
        confidence: 0.01,
        maxDetections: 5,
        per,
        method: method as MethodId,
        layer,
      });
    for (const layer of ["auto", -2, 1] as const) {
      const [alone, beside] = [await ask("alone", layer), await ask("beside", layer)];
      expect(alone.layers.map(({ name }) => name)).toEqual(beside.layers.map(({ name }) => name));
      alone.layers.forEach(({ gradientMax }, i) => {
        expect(gradientMax! / beside.layers[i]!.gradientMax! || 1).toBeCloseTo(1, 6);
      });
    }
    await detector.dispose();
    expect(seen.alone.length).toBeGreaterThan(0);
    expect(seen.alone.some((means) => means.some((mean) => mean !== 0))).toBe(true);
    expect(seen.beside).toEqual(seen.made.map((means) => new Float32Array(means)));
    seen.alone.forEach((means, i) => {
      const most = Math.max(1e-30, ...seen.made[i]!.map(Math.abs));
      expect(means).toHaveLength(seen.made[i]!.length);
      means.forEach((mean, c) => void expect(Math.abs(mean - seen.made[i]![c]!) / most).toBeLessThan(1e-5));
    });
  });
});
