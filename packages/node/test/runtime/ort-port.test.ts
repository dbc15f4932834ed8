import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { MethodId } from "@whybox/core";
import { createOrtPort as createCorePort } from "@whybox/core";
import * as ort from "onnxruntime-node";
import { expect, it } from "vitest";
import { type CamMethod, createDetector, createOrtPort, decodeImage, defaultMethods, type RuntimePort } from "whybox";
import { releaseMemory } from "../../src/runtime/memory.js";
import { yolov5sPath } from "../support/yolov5s-path.js";

it("memory that is released is gone at once, and small pieces are left alone", () => {
  const [large, small] = [new Float32Array(100_000).fill(1), new Float32Array(100).fill(1)];
  releaseMemory(large.buffer);
  releaseMemory(small.buffer);
  expect([large.length, small.length]).toEqual([0, 100]);
  releaseMemory(large.buffer);
});

it("an explanation gives back the values of its passes when it is done; its maps stay, and what another's method has seen", {
  tags: ["long"],
  timeout: 120_000,
}, async () => {
  const image = await decodeImage(resolve(import.meta.dirname, "../../../../fixtures/photos/dog.jpg"));
  const bytes = await readFile(await yolov5sPath());
  const held: Float32Array[] = [];
  const seen: ArrayBuffer[] = [];
  // Somebody else's method, which keeps what it sees; its map is a view of the activations, the first channel.
  const view: CamMethod<"activations"> = {
    id: "View",
    title: "View",
    paper: "none",
    needs: ["activations"],
    map({ activations: { dims, data } }) {
      held.push(data);
      const [, height, width] = dims as [number, number, number];
      return { height, width, data: data.subarray(0, height * width) };
    },
  };
  const explain = async (port: RuntimePort) => {
    const detector = await createDetector(bytes, port, { methods: [...defaultMethods, view], threads: 1 });
    const results = [];
    for (const method of ["View", "GradCAM", "LayerCAM", "EigenCAM"]) {
      results.push(
        await detector.explain(image, { method: method as MethodId, per: "detection", layer: 17, imageSize: 320 }),
      );
    }
    await detector.dispose();
    return results;
  };
  const release = (buffer: ArrayBuffer) => {
    seen.push(buffer);
    releaseMemory(buffer);
  };
  const found = await explain(createOrtPort(ort as never, { release }));
  expect(seen.filter(({ byteLength }) => byteLength === 0).length).toBeGreaterThan(9);
  expect(held.length).toBeGreaterThan(0);
  expect(held.every(({ length }) => length > 1000)).toBe(true);
  const wanted = await explain(createCorePort(ort as never));
  for (const [i, { heatmap, maps, detections }] of found.entries()) {
    expect(detections).toEqual(wanted[i]!.detections);
    expect(heatmap).toEqual(wanted[i]!.heatmap);
    expect(maps).toEqual(wanted[i]!.maps);
    expect(heatmap.data.length).toBe(image.width * image.height);
  }
});
