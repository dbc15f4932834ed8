import type { CoreDetector, Detection, ExplainResult } from "@whybox/core";
import { renderOverlay } from "@whybox/core";
import { describe, expect, it } from "vitest";
import { explainFrames } from "../../src/runs/explain-frames.js";
import { type FrameLine, frameLineSchema, type MapLine, mapLineSchema } from "../../src/runs/schema.js";
import type { TaskContext } from "../../src/runs/task-context.js";

const [WIDTH, HEIGHT] = [120, 100];

/** [class, x1, y1, x2, y2] */
type Thing = readonly [number, number, number, number, number];

function detection([classIndex, x1, y1, x2, y2]: Thing, index: number): Detection {
  const box = { x1, y1, x2, y2 };
  return {
    ...{ index, classIndex, className: `c${classIndex}`, confidence: 0.9 - index / 10, objectness: 1 },
    ...{
      classProbability: 0.9 - index / 10,
      boxImage: { ...box, frame: "image" },
      boxInput: { ...box, frame: "input" },
    },
    ...{ row: index, level: 0, levelName: "P3", stride: 8, anchor: 0, cell: [0, 0] },
  } as unknown as Detection;
}

/** A detector that sees in frame n what stands at n; a frame's number is its first byte. */
function world(scenes: readonly (readonly Thing[])[], classNames: string[] = []) {
  const asked: string[] = [];
  const see = (image: { data: ArrayLike<number> }, how: string) => {
    const n = image.data[0]!;
    asked.push(`${how} ${n}`);
    return scenes[n]!.map(detection);
  };
  const detector = {
    detect: async (image: { data: Uint8Array }) => ({ detections: see(image, "detect") }),
    explain: async (image: { data: Uint8Array; width: number; height: number }) => {
      if (scenes[image.data[0]!]!.length > 5) throw new Error("too many");
      const detections = see(image, "explain");
      const wanted = detections.filter(({ className }) => classNames.length === 0 || classNames.includes(className));
      const heatmap = () => {
        const data = new Float32Array(image.width * image.height).fill(0.1);
        data[image.data[0]! * 7] = 1;
        return { width: image.width, height: image.height, data };
      };
      return {
        ...{
          detections,
          explained: wanted.map(({ index }) => index),
          layers: [],
          empty: undefined,
          heatmap: heatmap(),
        },
        letterbox: { imageSize: [image.height, image.width] },
        maps: wanted.map(({ index }) => ({ detections: [index], heatmap: heatmap(), maximum: 1 })),
      } as unknown as ExplainResult;
    },
  } as unknown as CoreDetector;
  const explain = { per: "detection", classNames };
  const captions: (string | undefined)[] = [];
  const settings = { explain, colormap: "jet", opacity: 0.5 };
  const context = {
    detector,
    settings,
    setup: { model: "/m/mini.onnx", settings },
    services: {
      renderOverlay: (image: never, map: never, options: { caption?: string; detections: readonly Detection[] }) => {
        captions.push(
          `${options.caption ?? "own map"}: ${options.detections.map(({ className }) => className).join()}`,
        );
        return renderOverlay(image, map, options);
      },
    },
    alone: <T>(work: () => Promise<T>) => work(),
  } as unknown as TaskContext;
  return { context, asked, captions };
}

async function run(
  scenes: readonly (readonly Thing[])[],
  { size, classNames }: { size?: number; classNames?: string[] } = {},
) {
  const { context, asked, captions } = world(scenes, classNames);
  const frames = scenes.map((_, n) => {
    const height = n === size ? HEIGHT + 1 : HEIGHT;
    const data = new Uint8Array(WIDTH * height * 3);
    data[0] = n;
    return { frame: 10 + n, time: n, image: { width: WIDTH, height, data } };
  });
  const outcomes = await explainFrames({ kind: "frames", item: 4, frames }, context);
  const parsed = outcomes.map((one) =>
    one.ok
      ? {
          line: frameLineSchema.parse(JSON.parse(one.result)) as FrameLine,
          maps: (mapLineSchema.parse(JSON.parse(one.maps)) as MapLine).maps,
          overlay: one.overlay!,
        }
      : one,
  );
  return { asked, captions, parsed, lines: parsed.flatMap((one) => ("line" in one ? [one] : [])) };
}

const dog: Thing = [1, 10, 10, 50, 50];
const moved: Thing = [1, 14, 10, 54, 50];
const cat: Thing = [2, 60, 60, 90, 90];

describe("frames that follow each other", () => {
  it("carry the maps of the first, each object its own", async () => {
    const { asked, captions, lines } = await run([[dog, cat], [cat, moved], [moved]]);
    expect(asked).toEqual(["explain 0", "detect 1", "detect 2"]);
    expect(lines.map(({ line }) => [line.frame, line.mapFrame])).toEqual([
      [10, undefined],
      [11, 10],
      [12, 10],
    ]);
    const [first, second, third] = lines;
    expect(second!.line.detections.map(({ box }) => box)).toEqual([cat.slice(1), moved.slice(1)]);
    expect(second!.line.detections.map(({ heat }) => heat)).toEqual([1, 0].map((i) => first!.line.detections[i]!.heat));
    expect(second!.line.detections.every(({ explained }) => explained)).toBe(true);
    expect(second!.maps.map(({ detections }) => detections)).toEqual([[1], [0]]);
    expect(second!.maps.map(({ picture }) => picture)).toEqual(first!.maps.map(({ picture }) => picture));
    // The cat has gone, and its map with it.
    expect(third!.maps).toEqual([{ ...first!.maps[0], detections: [0] }]);
    expect(captions).toEqual(["own map: c1,c2", "map of frame 10: c2,c1", "map of frame 10: c1"]);
    // The caption stands in the image.
    expect(lastRow(second!.overlay)).not.toEqual(lastRow(first!.overlay));
  });

  it("have no heat for what is new, and a box for it", async () => {
    const { lines, captions } = await run([[dog], [dog, cat]]);
    const [, second] = lines;
    expect(second!.line.detections.map(({ explained, heat }) => [explained, heat === null])).toEqual([
      [true, false],
      [false, true],
    ]);
    expect(captions[1]).toBe("map of frame 10: c1,c2");
    const some = await run(
      [
        [dog, cat],
        [moved, cat, [3, 0, 0, 9, 9]],
      ],
      { classNames: ["c1"] },
    );
    expect(some.lines[1]!.line.detections.map(({ explained }) => explained)).toEqual([true, false, false]);
    expect(some.captions[1]).toBe("map of frame 10: c1");
  });

  it("take an object for the same by class and place", async () => {
    const far: Thing = [1, 60, 10, 100, 50];
    const other: Thing = [2, 10, 10, 50, 50];
    const { lines } = await run([[dog], [dog, [1, 12, 10, 52, 50], far, other]]);
    expect(lines[1]!.line.detections.map(({ heat }) => heat !== null)).toEqual([true, false, false, false]);
  });

  it("are explained themselves after a cut, and carried from there", async () => {
    const { asked, lines } = await run([[dog], [cat], [cat]]);
    expect(asked).toEqual(["explain 0", "detect 1", "explain 1", "detect 2"]);
    expect(lines.map(({ line }) => line.mapFrame)).toEqual([undefined, undefined, 11]);
  });

  it("are explained themselves when their size is another", async () => {
    const { asked } = await run([[dog], [dog], [dog]], { size: 1 });
    expect(asked).toEqual(["explain 0", "explain 1", "explain 2"]);
  });

  it("say when nothing is in them, and are not explained for it", async () => {
    const { asked, lines } = await run([[dog], [], [dog]]);
    expect(asked).toEqual(["explain 0", "detect 1", "detect 2"]);
    expect(lines[1]!.line).toMatchObject({ detections: [], empty: { reason: "no-detection" } });
    expect(lines[1]!.line.mapFrame).toBeUndefined();
    expect(lines[1]!.maps).toEqual([]);
    expect(lines[2]!.line.mapFrame).toBe(10);
  });

  it("end at the first that fails", async () => {
    const crowd = Array.from({ length: 6 }, (_, i): Thing => [3, 20 * i, 60, 20 * i + 9, 69]);
    const { parsed } = await run([[dog], crowd, [dog]]);
    expect(parsed).toHaveLength(2);
    expect(parsed[1]).toMatchObject({ ok: false, code: "internal", message: "too many" });
  });
});

function lastRow({ width, height, data }: { width: number; height: number; data: ArrayLike<number> }): number[] {
  return Array.from(data).slice((height - 2) * width * 3, (height - 2) * width * 3 + 60);
}
