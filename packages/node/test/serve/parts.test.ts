import type { FastifyRequest } from "fastify";
import { expect, it } from "vitest";
import { readForm } from "../../src/serve/read-form.js";
import { inTurn } from "../../src/serve/routes.js";

const form = (parts: readonly object[]) => {
  return readForm({
    parts: async function* () {
      yield* parts;
    },
  } as unknown as FastifyRequest);
};
const image = { type: "file", fieldname: "image", toBuffer: async () => Buffer.from("GIF") };

it("takes a form's file without a name", async () => {
  const { file } = await form([image]);
  expect(file).toEqual({ bytes: Buffer.from("GIF"), name: "image" });
});

it("takes fields that the form says are JSON", async () => {
  const box = { x1: 1, y1: 2, x2: 3, y2: 4, className: "dog" };
  const field = (fieldname: string, value: unknown) => ({ type: "field", fieldname, value });
  const { options } = await form([image, field("box", box), field("layer", [-2, -1]), field("method", "GradCAM")]);
  expect(options).toEqual({ box, layer: [-2, -1], method: "GradCAM" });
});

it("bounds the answer about several images", async () => {
  const body = new Uint8Array(50 * 2 ** 20);
  let runs = 0;
  const run = async () => {
    runs++;
    return { body, detections: 0, ms: {} };
  };
  expect(await inTurn([1, 2], run)).toHaveLength(2);
  await expect(inTurn([1, 2, 3, 4], run)).rejects.toMatchObject({ code: "limit" });
  expect(runs).toBe(2 + 3);
});
