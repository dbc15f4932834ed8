import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { createDetector } from "../../src/explain/create-detector.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { decodeModel } from "../../src/onnx/decode.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { externalDataFiles, withExternalData } from "../../src/onnx/external-data.js";
import { DataType, type Model, type TensorProto } from "../../src/onnx/model.js";
import { readModel } from "../../src/readers/read-model.js";
import { createOrtPort } from "../../src/runtime/ort-port.js";
import { modelOf } from "./support.js";

const fixture = (name: string) =>
  new Uint8Array(readFileSync(fileURLToPath(new URL(`../../../../fixtures/external/${name}`, import.meta.url))));
const port = createOrtPort(ort as never);

/** A model that adds a weight in other files, as a tensor and as an attribute. */
function model(entries: Readonly<Record<string, string>>, tensor: Partial<TensorProto> = {}): Model {
  const b = new GraphBuilder("t");
  b.input("x", [2]);
  const external = new Map(Object.entries(entries));
  const weight = { name: "w", dims: [2], dataType: DataType.FLOAT, bytes: new Uint8Array(0), external, ...tensor };
  b.initializers.set("w", weight);
  b.node("Constant", [], ["c"], { value: { tensor: weight } });
  b.node("Add", ["x", "w"], ["sum"]);
  b.node("Add", ["sum", "c"], ["y"]);
  b.output("y");
  return modelOf(b);
}

const floats = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
const thrown = (action: () => unknown) => {
  try {
    action();
  } catch (error) {
    return error as { code: string; message: string; details: Record<string, unknown> };
  }
  throw new Error("nothing was thrown");
};

describe("weights in other files", () => {
  it("of an export are the same as in one file", async () => {
    const [bytes, data] = [fixture("two-files.onnx"), fixture("two-files.onnx.data")];
    expect(externalDataFiles(decodeModel(bytes))).toEqual(["two-files.onnx.data"]);
    const externalData = new Map([["two-files.onnx.data", data]]);
    const single = encodeModel(withExternalData(decodeModel(bytes), externalData));
    expect(readModel(single).graph.initializers).toEqual(readModel(bytes, externalData).graph.initializers);
    const detector = await createDetector(bytes, port, { threads: 1, externalData });
    expect(detector.facts.head.kind).toBe("anchor-free");
    expect(detector.facts.classNames).toHaveLength(3);
    await detector.dispose();
  });

  it("lists all missing files", async () => {
    const failure = await createDetector(fixture("two-files.onnx"), port).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "bad-input", details: { externalData: ["two-files.onnx.data"] } });
    expect((failure as Error).message).toMatch(/"two-files\.onnx\.data" is missing.*onnx\.save/);
  });

  it("are read from their place, also in attributes and in several files", () => {
    const files = new Map([["sub/w.bin", floats(9, 1, 2)]]);
    const filled = withExternalData(model({ location: "sub/w.bin", offset: "4", length: "8" }), files);
    expect(filled.graph.initializers.get("w")).toEqual({
      name: "w",
      dims: [2],
      dataType: DataType.FLOAT,
      bytes: floats(1, 2),
    });
    expect(filled.graph.nodes[0]!.attributes.get("value")).toMatchObject({ value: { bytes: floats(1, 2) } });
    expect(withExternalData(model({ location: "a" }), new Map([["a", floats(1, 2, 3)]]))).toMatchObject({});
  });

  it.each(["", "..", "../w.bin", "a/../../w.bin", "/etc/passwd", "a//b", "C:w.bin", "a\\b", "w\0", "x".repeat(300)])(
    "are not read from %j",
    (location) => {
      expect(thrown(() => externalDataFiles(model({ location })))).toMatchObject({
        code: "bad-input",
        message: expect.stringMatching(/Tensor "w".*expected a file in the model's folder/),
      });
    },
  );

  it.each<[string, Record<string, string>, Partial<TensorProto>, RegExp]>([
    ["past the end", { offset: "8" }, {}, /found a file of 12 bytes, expected 8 bytes from byte 8 on/],
    [
      "of another length",
      { length: "4" },
      {},
      /found 4 bytes for values of type float and dims \[2\], expected 8 bytes/,
    ],
    ["at a negative place", { offset: "-4" }, {}, /found offset "-4", expected a number/],
    ["at a huge place", { offset: "9".repeat(30) }, {}, /found offset "9{20}"/],
    ["of text", {}, { dataType: DataType.STRING }, /found values of type string, expected numbers/],
  ])("are refused %s", (_, entries, tensor, message) => {
    const files = new Map([["w.bin", floats(1, 2, 3)]]);
    expect(thrown(() => withExternalData(model({ location: "w.bin", ...entries }, tensor), files))).toMatchObject({
      code: "bad-input",
      message: expect.stringMatching(message),
    });
  });

  it("are limited in number", () => {
    const one = model({ location: "w" });
    const weight = one.graph.initializers.get("w")!;
    const many = Array.from({ length: 5000 }, (_, i): [string, TensorProto] => [
      `w${i}`,
      { ...weight, external: new Map([["location", `w${i}`]]) },
    ]);
    const graph = { ...one.graph, initializers: new Map([...one.graph.initializers, ...many]) };
    expect(thrown(() => externalDataFiles({ ...one, graph })).code).toBe("limit");
  });
});
