import * as ort from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { encodeModel } from "../../src/onnx/encode.js";
import { DataType } from "../../src/onnx/model.js";
import { createOrtPort, type OrtModule } from "../../src/runtime/ort-port.js";
import type { RuntimeTensor } from "../../src/runtime/port.js";
import { modelOf } from "../onnx/support.js";

class FakeTensor {
  disposals = 0;
  readonly type: string;
  readonly data: unknown;
  readonly dims: readonly number[];

  constructor(type: string, data: unknown, dims: readonly number[]) {
    this.type = type;
    this.data = data;
    this.dims = dims;
  }

  async getData(): Promise<unknown> {
    return this.data;
  }

  dispose(): void {
    this.disposals++;
  }
}

/** A runtime that notes what it is asked for; a run gives `results`, or throws what is no record. */
class FakeOrt {
  readonly created: { model: Uint8Array; options: Record<string, unknown> }[] = [];
  readonly runs: { feeds: Record<string, unknown>; fetches: readonly string[] }[] = [];
  releases = 0;
  results: Record<string, FakeTensor> = {};
  createError: unknown;
  runError: unknown;

  port(env?: OrtModule["env"]) {
    const session = {
      inputNames: ["x"],
      outputNames: ["y", "z"],
      run: async (feeds: Record<string, unknown>, fetches: readonly string[]) => {
        this.runs.push({ feeds, fetches });
        if (this.runError !== undefined) throw this.runError;
        return this.results;
      },
      release: async () => {
        this.releases++;
      },
    };
    const create = async (model: Uint8Array, options: Record<string, unknown>) => {
      this.created.push({ model, options });
      if (this.createError !== undefined) throw this.createError;
      return session;
    };
    return createOrtPort({ InferenceSession: { create }, Tensor: FakeTensor, ...(env === undefined ? {} : { env }) });
  }
}

const bytes = Uint8Array.of(8, 10);
const floats = (...values: number[]) => new FakeTensor("float32", Float32Array.from(values), [values.length]);

describe("createOrtPort", () => {
  it.each([
    [{ versions: { node: "1.2.3", common: "1.2.0" } }, "ONNX Runtime 1.2.3"],
    [{ versions: { web: "1.2.4", common: "1.2.0" } }, "ONNX Runtime 1.2.4"],
    [{ versions: { common: "1.2.0" } }, "ONNX Runtime 1.2.0"],
    [{}, "ONNX Runtime of unknown version"],
    [undefined, "ONNX Runtime of unknown version"],
  ])("tells the runtime's version from %j", (env, description) => {
    expect(new FakeOrt().port(env).description).toBe(description);
  });

  it("hands threads and execution providers on", async () => {
    const fake = new FakeOrt();
    await fake.port().createSession(bytes, { threads: 3, executionProviders: ["webgpu", "cpu"] });
    expect(fake.created[0]!.model).toBe(bytes);
    expect(fake.created[0]!.options).toMatchObject({ intraOpNumThreads: 3, executionProviders: ["webgpu", "cpu"] });
  });

  it("leaves threads and execution providers to the runtime when they are not given", async () => {
    const fake = new FakeOrt();
    await fake.port().createSession(bytes, {});
    expect(Object.keys(fake.created[0]!.options)).not.toContain("intraOpNumThreads");
    expect(Object.keys(fake.created[0]!.options)).not.toContain("executionProviders");
  });

  it("says what the runtime said when it refuses a model, at most 600 characters of it", async () => {
    const fake = new FakeOrt();
    fake.createError = new Error(`bad op ${"xy ".repeat(400)}`);
    const error = await fake
      .port()
      .createSession(bytes, {})
      .catch((cause: Error) => cause);
    expect(error).toMatchObject({ name: "WhyboxError", code: "runtime", cause: fake.createError });
    expect((error as Error).message).toMatch(/^ONNX Runtime could not open the model: bad op (xy ){197}xy$/);
  });
});

describe("a tensor of the port", () => {
  it("is made of the runtime's own", async () => {
    const data = BigInt64Array.of(1n, 2n);
    const tensor = await new FakeOrt().port().upload("int64", [2, 1], data);
    expect([tensor.type, tensor.dims]).toEqual(["int64", [2, 1]]);
    expect(await tensor.read()).toBe(data);
    expect(await tensor.read()).toBe(data);
  });

  it("says what the runtime said when it cannot be read", async () => {
    const fake = new FakeOrt();
    const cause = new Error("device lost");
    const lost = floats(1);
    lost.getData = () => Promise.reject(cause);
    fake.results = { y: lost };
    const { y } = await (await fake.port().createSession(bytes, {})).run({}, ["y"]);
    await expect(y!.read()).rejects.toMatchObject({
      name: "WhyboxError",
      code: "runtime",
      message: "ONNX Runtime could not read a tensor: device lost",
      cause,
    });
  });

  it("is freed once, however often it is asked for", async () => {
    const fake = new FakeOrt();
    fake.results = { y: floats(1) };
    const session = await fake.port().createSession(bytes, {});
    const { y } = await session.run({}, ["y"]);
    expect(fake.results.y!.disposals).toBe(0);
    y!.dispose();
    y!.dispose();
    expect(fake.results.y!.disposals).toBe(1);
  });
});

describe("a session of the port", () => {
  it("tells the names of its inputs and outputs", async () => {
    const session = await new FakeOrt().port().createSession(bytes, {});
    expect([session.inputNames, session.outputNames]).toEqual([["x"], ["y", "z"]]);
  });

  it("feeds the runtime's own tensors and asks only for the outputs wanted", async () => {
    const fake = new FakeOrt();
    fake.results = { y: floats(1, 2), z: floats(3) };
    const port = fake.port();
    const session = await port.createSession(bytes, {});
    const results = await session.run({ x: await port.upload("float32", [1], Float32Array.of(5)) }, ["z"]);
    expect(fake.runs[0]!.feeds).toEqual({ x: floats(5) });
    expect(fake.runs[0]!.fetches).toEqual(["z"]);
    expect(Object.keys(results)).toEqual(["z"]);
    expect(await results.z!.read()).toEqual(Float32Array.of(3));
  });

  it("takes what another session gave without reading it", async () => {
    const fake = new FakeOrt();
    const result = floats(1);
    fake.results = { y: result };
    const port = fake.port();
    const { y } = await (await port.createSession(bytes, {})).run({}, ["y"]);
    await (await port.createSession(bytes, {})).run({ x: y! }, ["y"]);
    expect(fake.runs[1]!.feeds.x).toBe(result);
  });

  it("is released once, however often it is asked for", async () => {
    const fake = new FakeOrt();
    const session = await fake.port().createSession(bytes, {});
    await Promise.all([session.release(), session.release()]);
    await session.release();
    expect(fake.releases).toBe(1);
  });

  it.each([
    [new Error("no memory"), "no memory"],
    ["plain words", "plain words"],
  ])("says what the runtime said when a run fails: %s", async (cause, words) => {
    const fake = new FakeOrt();
    fake.runError = cause;
    const session = await fake.port().createSession(bytes, {});
    await expect(session.run({}, ["y"])).rejects.toMatchObject({
      name: "WhyboxError",
      code: "runtime",
      message: `ONNX Runtime could not run the model: ${words}`,
      cause,
    });
  });

  it("refuses a tensor of another runtime before anything runs", async () => {
    const fake = new FakeOrt();
    const session = await fake.port().createSession(bytes, {});
    const foreign: RuntimeTensor = {
      type: "float32",
      dims: [1],
      read: async () => Float32Array.of(1),
      dispose: () => {},
    };
    await expect(session.run({ x: foreign }, ["y"])).rejects.toMatchObject({ name: "WhyboxError", code: "internal" });
    expect(fake.runs).toEqual([]);
  });

  it("refuses an output of a type that does not cross, and says which do", async () => {
    const fake = new FakeOrt();
    fake.results = { y: new FakeTensor("string", ["a"], [1]) };
    const session = await fake.port().createSession(bytes, {});
    await expect(session.run({}, ["y"])).rejects.toMatchObject({
      name: "WhyboxError",
      code: "runtime",
      message: expect.stringMatching(
        /type string.*"y".*float32, float16, int64, int32, uint16, int16, uint8, int8, bool/,
      ),
    });
  });

  it("frees all that a run gave when one of its outputs is refused", async () => {
    const fake = new FakeOrt();
    fake.results = { y: floats(1), z: new FakeTensor("string", ["a"], [1]), w: floats(2) };
    const session = await fake.port().createSession(bytes, {});
    await expect(session.run({}, ["y", "z", "w"])).rejects.toMatchObject({ details: { output: "z", type: "string" } });
    expect(Object.values(fake.results).map((tensor) => tensor.disposals)).toEqual([1, 1, 1]);
  });
});

describe("the port on onnxruntime-node", () => {
  const port = createOrtPort(ort as never);

  /** y = x + 1, s = the shape of x, p = x > 0. */
  function bytesOfModel(): Uint8Array {
    const b = new GraphBuilder();
    b.input("x", ["n"]);
    b.node("Add", ["x", b.float(1)], ["y"]);
    b.node("Shape", ["x"], ["s"]);
    b.node("Greater", ["x", b.float(0)], ["p"]);
    b.output("y");
    b.output("s", undefined, DataType.INT64);
    b.output("p", undefined, DataType.BOOL);
    return encodeModel(modelOf(b));
  }

  it("runs a model, and feeds one session's output to another", async () => {
    expect(port.description).toMatch(/^ONNX Runtime \d+\.\d+/);
    const [first, second] = await Promise.all([1, 2].map((threads) => port.createSession(bytesOfModel(), { threads })));
    expect([first!.inputNames, first!.outputNames]).toEqual([["x"], ["y", "s", "p"]]);
    const x = await port.upload("float32", [3], Float32Array.of(1, -2, 3));
    const { y, s, p } = await first!.run({ x }, ["s", "p", "y"]);
    const { y: again, ...rest } = await second!.run({ x: y! }, ["y"]);
    expect(rest).toEqual({});
    expect([s!.type, s!.dims, await s!.read()]).toEqual(["int64", [1], BigInt64Array.of(3n)]);
    expect([p!.type, p!.dims, await p!.read()]).toEqual(["bool", [3], Uint8Array.of(1, 0, 1)]);
    expect([again!.type, again!.dims, await again!.read()]).toEqual(["float32", [3], Float32Array.of(3, 0, 5)]);
    expect(await again!.read()).toEqual(Float32Array.of(3, 0, 5));
    for (const tensor of [x, y!, s!, p!, again!]) tensor.dispose();
    again!.dispose();
    for (const session of [first!, second!]) await session.release();
    await first!.release();
  });

  it("says what is wrong with data that do not fill a tensor", async () => {
    await expect(port.upload("float32", [2, 3], new Float32Array(5))).rejects.toMatchObject({
      name: "WhyboxError",
      code: "runtime",
      message: expect.stringMatching(/^ONNX Runtime could not take a float32 tensor of shape \[2, 3\]: .*6.*5/),
      cause: expect.any(Error),
    });
  });

  it("says what is wrong with a model or with what is fed", async () => {
    await expect(port.createSession(bytes, {})).rejects.toMatchObject({
      code: "runtime",
      message: expect.stringMatching(/could not open the model: ./),
    });
    const session = await port.createSession(bytesOfModel(), { threads: 1 });
    const x = await port.upload("int64", [1], BigInt64Array.of(1n));
    await expect(session.run({ x }, ["y"])).rejects.toMatchObject({
      code: "runtime",
      message: expect.stringMatching(/could not run the model: ./),
    });
    await expect(session.run({}, ["y"])).rejects.toMatchObject({ code: "runtime", cause: expect.any(Error) });
    await session.release();
  });
});
