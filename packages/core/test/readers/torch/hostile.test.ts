import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readModel } from "../../../src/readers/read-model.js";
import { readArchive } from "../../../src/readers/torch/archive.js";
import { readCheckpoint, readTorch } from "../../../src/readers/torch/read-torch.js";
import { PyRecord } from "../../../src/readers/torch/values.js";
import { errorOf } from "../../explain/error-of.js";
import { legacyCheckpoint, module, Network } from "./checkpoint-writer.js";
import * as py from "./pickle-writer.js";
import { writeZip } from "./zip-writer.js";

const from = (f: number) => ({ f: py.number(f) });
const file = (network: Network, ...layers: readonly py.PyValue[]) => network.zip(network.model(layers));
/** `value` once, and from then on by its number in the memo. */
const shared = (value: py.PyValue, key: number) => {
  let written = false;
  const get: py.PyValue = (out) => {
    if (written) return void out.push(0x68, key);
    written = true;
    value(out);
    out.push(0x71, key);
  };
  return get;
};

interface Damage {
  /** Where a byte is changed. */
  readonly at: fc.Arbitrary<number>;
  /** Most changes of one file. */
  readonly most: number;
  readonly seed: number;
  readonly numRuns: number;
}

/** Changes bytes of a checkpoint. It must be read, or refused by an error of ours. */
function checkDamaged(whole: Uint8Array, { at, most, seed, numRuns }: Damage): void {
  const change = fc.tuple(at, fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(change, { minLength: 1, maxLength: most }), (changes) => {
      const damaged = whole.slice();
      for (const [place, value] of changes) damaged[place] = value;
      try {
        readTorch(damaged);
        readCheckpoint(damaged);
      } catch (error) {
        expect(error).toMatchObject({
          name: "WhyboxError",
          code: expect.stringMatching(/^(bad-input|unsupported-model|limit)$/),
        });
      }
    }),
    { seed, numRuns },
  );
}

describe("networks that are small in the file and large when built", () => {
  it("a Sequential of twice the same, thirty deep", () => {
    const network = new Network();
    let inner = module("torch.nn.modules.linear.Identity");
    for (let depth = 0; depth < 30; depth++) {
      const twice = shared(inner, depth);
      inner = module("torch.nn.modules.container.Sequential", { modules: { "0": twice, "1": twice } });
    }
    const error = errorOf(() => readTorch(file(network, withAttributes(inner))));
    expect(error.message).toMatch(/lies more than 24 deep|more than 20000 modules/);
  });

  it("a Sequential of twice the same, sixteen deep", () => {
    const network = new Network();
    let inner = module("torch.nn.modules.linear.Identity");
    for (let depth = 0; depth < 16; depth++) {
      const twice = shared(inner, depth);
      inner = module("torch.nn.modules.container.Sequential", { modules: { "0": twice, "1": twice } });
    }
    const error = errorOf(() => readTorch(file(network, withAttributes(inner))));
    expect(error).toMatchObject({ code: "limit", message: expect.stringMatching(/more than 20000 modules/) });
  });

  it("a module that holds itself", () => {
    const network = new Network();
    const self: py.PyValue = (out) => {
      py.global("torch.nn.modules.container", "Sequential")(out);
      out.push(0x29, 0x81, 0x71, 200);
      const state = {
        _parameters: py.dict({}),
        _buffers: py.dict({}),
        _modules: py.dict({ "0": py.raw(0x68, 200) }),
        ...from(-1),
      };
      py.dict(state)(out);
      out.push(0x62);
    };
    expect(errorOf(() => readTorch(file(network, self))).message).toMatch(/lies more than 24 deep/);
  });

  it("one convolution of 4 MB under hundreds of names", () => {
    const network = new Network();
    const conv = shared(network.conv(1000, 1000, 1), 1);
    const repeated = Object.fromEntries(Array.from({ length: 400 }, (_, i) => [String(i), conv]));
    const many = module("torch.nn.modules.container.Sequential", { attributes: from(-1), modules: repeated });
    const error = errorOf(() => readTorch(file(network, network.conv(3, 1000, 1, 1, from(-1)), many)));
    expect(error).toMatchObject({ code: "limit", message: expect.stringMatching(/names the same weights so often/) });
  });

  it("a module with more children than any", () => {
    const network = new Network();
    const child = shared(module("torch.nn.modules.linear.Identity"), 1);
    const modules = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [String(i), child]));
    const many = module("torch.nn.modules.container.Sequential", { attributes: from(-1), modules });
    expect(errorOf(() => readTorch(file(network, many))).message).toMatch(/"0" of module "model" .*expected a module/);
  });

  it("a yaml that doubles thirty times over is cut", () => {
    const network = new Network();
    let yaml: py.PyValue = py.list(py.number(1));
    for (let depth = 0; depth < 30; depth++) {
      const twice = shared(yaml, depth);
      yaml = py.list(twice, twice);
    }
    const layers = [network.detect(3, 2, 8, from(-1))];
    const text = JSON.stringify(readCheckpoint(network.zip(network.model(layers, { yaml }))).yaml);
    expect(text.length).toBeLessThan(1_000_000);
    expect(text).toContain("…");
  });

  it("a yaml of one long text, and one long key, a thousand times over is cut", () => {
    const network = new Network();
    const long = shared(py.text("x".repeat(100_000)), 1);
    const yaml = py.list(...Array.from({ length: 1000 }, () => py.dict([[long, long]])));
    const layers = [network.detect(3, 2, 8, from(-1))];
    const text = JSON.stringify(readCheckpoint(network.zip(network.model(layers, { yaml }))).yaml);
    expect(text.length).toBeLessThan(1_100_000);
    expect(text).toContain("xxx…");
  });

  it.each([
    ["a list of one long name", (name: py.PyValue) => py.list(...Array.from({ length: 100 }, () => name))],
    [
      "a dict of one long name",
      (name: py.PyValue) => py.dict(Array.from({ length: 100 }, (_, i) => [py.number(i), name] as const)),
    ],
  ])("class names: %s", (_, make) => {
    const network = new Network();
    const names = make(shared(py.text("n".repeat(20_000)), 1));
    const bytes = network.zip(network.model([network.detect(3, 2, 8, from(-1))], { names }));
    expect(errorOf(() => readTorch(bytes)).message).toMatch(
      /"names" of .*expected class names of at most 1048576 characters/,
    );
  });

  it("more class names than any model", () => {
    const network = new Network();
    const names = py.dict(Array.from({ length: 70_000 }, (_, i) => [py.number(i), py.none] as const));
    const bytes = network.zip(network.model([network.detect(3, 2, 8, from(-1))], { names }));
    expect(errorOf(() => readTorch(bytes)).message).toMatch(/"names" of .*expected a list of class names/);
  });

  it("a long pickle in the place of the old format's head", () => {
    const bytes = new Uint8Array(5000).fill(0x4e);
    bytes.set([0x80, 2]);
    expect(errorOf(() => readTorch(bytes))).toMatchObject({
      code: "limit",
      message: expect.stringMatching(/1000 operations/),
    });
  });
});

/** The same object with an attribute more. */
function withAttributes(inner: py.PyValue): py.PyValue {
  return module("torch.nn.modules.container.Sequential", { attributes: from(-1), modules: { "0": inner } });
}

describe("files that want something done", () => {
  it.each([
    ["os", "system"],
    ["builtins", "eval"],
    ["builtins", "getattr"],
  ])("a checkpoint that calls %s.%s: nothing runs, the call is a record", (where, name) => {
    const network = new Network();
    const attack = py.call(py.global(where, name), py.text("globalThis.owned = true"));
    const root = network.zip(py.dict({ hook: attack, model: network.tiny() }));
    const entries = readArchive(root) as Map<string, unknown>;
    expect(entries.get("hook")).toBeInstanceOf(PyRecord);
    expect(readTorch(root).graph.nodes.length).toBeGreaterThan(0);
    expect(errorOf(() => readTorch(network.zip(attack))).message).toMatch(new RegExp(`an object of ${where}.${name}`));
    expect(Reflect.get(globalThis, "owned")).toBeUndefined();
  });

  it("names like __proto__ and constructor", () => {
    const network = new Network();
    const names = py.dict([
      [py.text("__proto__"), py.text("x")],
      [py.number(0), py.text("__proto__")],
    ]);
    expect(
      errorOf(() => readTorch(network.zip(network.model([network.detect(3, 2, 8, from(-1))], { names })))).message,
    ).toMatch(/no name for class 1/);
    const odd = module("models.common.constructor", { attributes: from(-1) });
    expect(errorOf(() => readTorch(file(network, odd))).message).toMatch(
      /models\.common\.constructor\) that is not supported/,
    );
    const yaml = py.dict([[py.text("__proto__"), py.dict({ polluted: py.bool(true) })]]);
    const facts = readCheckpoint(network.zip(network.model([network.detect(3, 2, 8, from(-1))], { yaml })));
    expect(Object.keys(facts.yaml as object)).toEqual(["__proto__"]);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });
});

describe("archives with a wrong inside", () => {
  const bytes = (text: string) => new TextEncoder().encode(text);
  const pickle = { name: "best/data.pkl", bytes: py.pickle(py.none) };
  it.each<[string, Parameters<typeof writeZip>[0], string, RegExp]>([
    [
      "none",
      [{ name: "best/model.json", bytes: bytes("{}") }],
      "unsupported-model",
      /no NAME\/data\.pkl.*"best\/model\.json"/,
    ],
    [
      "a model of Keras",
      [{ ...pickle, name: "model.weights.h5" }],
      "unsupported-model",
      /a model of Keras, not a PyTorch/,
    ],
    ["two pickles", [pickle, { ...pickle, name: "worst/data.pkl" }], "bad-input", /2 files NAME\/data\.pkl/],
    [
      "TorchScript",
      [pickle, { name: "best/constants.pkl", bytes: bytes("") }],
      "unsupported-model",
      /TorchScript archive/,
    ],
    ["big-endian", [pickle, { name: "best/byteorder", bytes: bytes("big") }], "unsupported-model", /big-endian/],
  ])("%s", (_, parts, code, message) => {
    const error = errorOf(() => readTorch(writeZip(parts)));
    expect(error.code).toBe(code);
    expect(error.message).toMatch(message);
  });

  it("no checkpoint at all", () => {
    expect(errorOf(() => readTorch(bytes("hello"))).message).toMatch(/neither as a zip archive nor as a pickle/);
  });
});

const network = new Network();
const root = py.dict({ model: network.tiny() });

describe.each([
  ["zip", network.zip(root)],
  ["legacy", legacyCheckpoint(root, network.storages)],
])("damaged files of the %s format", (_, whole) => {
  it("reads when whole", () => {
    expect(readModel(whole).graph.nodes.length).toBeGreaterThan(10);
  });

  it("cut short at every byte: an error", () => {
    for (let length = 0; length < whole.length; length++) {
      expect(errorOf(() => readTorch(whole.subarray(0, length))).code).toBe("bad-input");
    }
  });

  it("with bytes changed: a model or an error of ours", () => {
    checkDamaged(whole, { at: fc.nat(whole.length - 1), most: 6, seed: 6, numRuns: 3000 });
  });
});

it("a large pickle with bytes changed: a model or an error of ours", () => {
  const file = new URL("../../../../../fixtures/torch/yolov9.pt.gz", import.meta.url);
  const whole = new Uint8Array(gunzipSync(readFileSync(file)));
  const second = Buffer.from(whole.buffer).indexOf("PK\u0003\u0004", 100, "latin1");
  checkDamaged(whole, { at: fc.integer({ min: 64, max: second - 1 }), most: 3, seed: 7, numRuns: 300 });
});
