// Writes a large checkpoint as torch.save does: a stored zip, a pickle of protocol 2, a storage for each tensor.
import { closeSync, openSync, writeSync } from "node:fs";
import { crc32 } from "node:zlib";

const encoder = new TextEncoder();
const u32 = (value) => [...new Uint8Array(Uint32Array.of(value).buffer)];
const text = (value) => [0x58, ...u32(encoder.encode(value).length), ...encoder.encode(value)];
const int = (value) => [0x4a, ...new Uint8Array(Int32Array.of(value).buffer)];
const float = (value) => [0x47, ...new Uint8Array(Float64Array.of(value).buffer).reverse()];
const bool = (value) => [value ? 0x88 : 0x89];
const tuple = (...values) => [0x28, ...values.flat(), 0x74];
const dict = (entries) => [
  0x7d,
  0x28,
  ...Object.entries(entries).flatMap(([key, value]) => [...text(key), ...value]),
  0x75,
];
const named = (module, name) => [0x63, ...encoder.encode(`${module}\n${name}\n`)];
const object = (module, name, state) => [...named(module, name), ...tuple(), 0x81, ...state, 0x62];
const call = (callee, ...args) => [...callee, ...tuple(...args), 0x52];

/** Tensors and modules of one checkpoint; `half` stores them in half precision. */
class Checkpoint {
  storages = [];
  #half;

  constructor(half) {
    this.#half = half;
  }

  tensor(dims, value) {
    const count = dims.reduce((product, dim) => product * dim, 1);
    const type = this.#half ? "HalfStorage" : "FloatStorage";
    this.storages.push({ count, value });
    const id = tuple(
      text("storage"),
      named("torch", type),
      text(String(this.storages.length - 1)),
      text("cpu"),
      int(count),
    );
    const strides = dims.map((_, axis) => dims.slice(axis + 1).reduce((product, dim) => product * dim, 1));
    const sizes = [tuple(...dims.map(int)), tuple(...strides.map(int))];
    return call(named("torch._utils", "_rebuild_tensor_v2"), [...id, 0x51], int(0), ...sizes, bool(false), dict({}));
  }

  module(path, attributes, tensors = {}, children = {}) {
    const [, module, name] = /^(.*)\.(.*)$/.exec(path);
    return object(
      module,
      name,
      dict({ ...attributes, _parameters: dict({}), _buffers: dict(tensors), _modules: dict(children) }),
    );
  }

  conv(from, to, kernel, more = {}) {
    const pair = (value) => tuple(int(value), int(value));
    const sizes = {
      kernel_size: pair(kernel),
      stride: pair(1),
      padding: pair(kernel >> 1),
      dilation: pair(1),
      groups: int(1),
    };
    return this.module("torch.nn.modules.conv.Conv2d", sizes, {
      weight: this.tensor([to, from, kernel, kernel], 1 / 64),
      ...more,
    });
  }

  /** A layer of YOLOv5: convolution, normalisation, activation. */
  layer(from, to) {
    const norm = {
      weight: this.tensor([to], 1),
      bias: this.tensor([to], 0),
      running_mean: this.tensor([to], 0),
      running_var: this.tensor([to], 1),
    };
    return this.module(
      "models.common.Conv",
      { f: int(-1) },
      {},
      {
        conv: this.conv(from, to, 3),
        bn: this.module("torch.nn.modules.batchnorm.BatchNorm2d", { eps: float(0.001) }, norm),
        act: this.module("torch.nn.modules.activation.SiLU", {}),
      },
    );
  }

  /** Bytes of a storage: one value, repeated. */
  *data({ count, value }) {
    const width = this.#half ? 2 : 4;
    const step = 2 ** 20;
    // Half precision of 0, 1 and 1/64: the mantissa is zero.
    const bits = value === 0 ? 0 : (15 + Math.log2(value)) << 10;
    for (let at = 0; at < count; at += step) {
      const length = Math.min(step, count - at);
      const array = this.#half ? new Uint16Array(length).fill(bits) : new Float32Array(length).fill(value);
      yield new Uint8Array(array.buffer, 0, length * width);
    }
  }
}

/** Writes a YOLOv5 of `layers` convolutions of 512 channels (2.36 million weights each) to `path`. */
export function writeCheckpoint(path, layers, half) {
  const checkpoint = new Checkpoint(half);
  const modules = { 0: checkpoint.layer(3, 512) };
  for (let i = 1; i <= layers; i++) modules[i] = checkpoint.layer(512, 512);
  const head = checkpoint.module(
    "torch.nn.modules.container.ModuleList",
    {},
    {},
    { 0: checkpoint.conv(512, 18, 1, { bias: checkpoint.tensor([18], 0) }) },
  );
  const facts = { f: int(-1), nc: int(1), stride: checkpoint.tensor([1], 1) };
  modules[layers + 1] = checkpoint.module(
    "models.yolo.Detect",
    facts,
    { anchors: checkpoint.tensor([1, 3, 2], 1) },
    { m: head },
  );
  const model = checkpoint.module(
    "models.yolo.DetectionModel",
    {},
    {},
    {
      model: checkpoint.module("torch.nn.modules.container.Sequential", {}, {}, modules),
    },
  );
  writeZip(path, [
    { name: "best/data.pkl", parts: () => [Uint8Array.from([0x80, 2, ...dict({ model }), 0x2e])] },
    ...checkpoint.storages.map((storage, i) => ({ name: `best/data/${i}`, parts: () => checkpoint.data(storage) })),
  ]);
}

/** Entries are stored, their data at multiples of 64 bytes as torch.save has them. */
function writeZip(path, entries) {
  const file = openSync(path, "w");
  const directory = [];
  let at = 0;
  const put = (bytes) => {
    writeSync(file, bytes);
    at += bytes.length;
  };
  for (const { name, parts } of entries) {
    let [size, sum] = [0, 0];
    for (const part of parts()) {
      size += part.length;
      sum = crc32(part, sum);
    }
    const label = encoder.encode(name);
    const padding = (64 - ((at + 30 + label.length) % 64)) % 64;
    const facts = Uint8Array.from([
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      0,
      ...u32(sum),
      ...u32(size),
      ...u32(size),
      label.length,
      0,
    ]);
    directory.push(
      Buffer.concat([
        Uint8Array.from([...u32(0x02014b50), 0, 0]),
        facts,
        new Uint8Array(12),
        Uint8Array.from(u32(at)),
        label,
      ]),
    );
    put(
      Buffer.concat([
        Uint8Array.from(u32(0x04034b50)),
        facts,
        Uint8Array.from([padding, 0]),
        label,
        new Uint8Array(padding),
      ]),
    );
    for (const part of parts()) put(part);
  }
  const start = at;
  for (const entry of directory) put(entry);
  const count = [directory.length & 255, directory.length >> 8];
  put(Uint8Array.from([...u32(0x06054b50), 0, 0, 0, 0, ...count, ...count, ...u32(at - start), ...u32(start), 0, 0]));
  closeSync(file);
}
