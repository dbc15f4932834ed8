import { randomSource } from "../../support/random.js";
import * as py from "./pickle-writer.js";
import { writeZip } from "./zip-writer.js";

/** The storages of a checkpoint that is written: bytes, by their keys. */
export class Storages {
  readonly files = new Map<string, { readonly type: string; readonly bytes: Uint8Array; readonly count: number }>();

  /** A storage; `type` is its class, "FloatStorage". */
  add(type: string, values: ArrayBufferView & { readonly length: number }, count = values.length): py.PyValue {
    const key = String(this.files.size);
    this.files.set(key, { type, bytes: new Uint8Array(values.buffer, values.byteOffset, values.byteLength), count });
    return this.id(key);
  }

  id(key: string): py.PyValue {
    const { type, count } = this.files.get(key)!;
    return py.persistent(py.text("storage"), py.global("torch", type), py.text(key), py.text("cpu"), py.number(count));
  }
}

const ints = (values: readonly number[]) => py.tuple(...values.map(py.number));

export function stridesOf(dims: readonly number[]): number[] {
  return dims.map((_, axis) => dims.slice(axis + 1).reduce((product, dim) => product * dim, 1));
}

export function tensor(
  storage: py.PyValue,
  dims: readonly number[],
  strides: readonly number[] = stridesOf(dims),
  offset = 0,
): py.PyValue {
  const rebuild = py.global("torch._utils", "_rebuild_tensor_v2");
  const hooks = py.call(py.global("collections", "OrderedDict"));
  return py.call(rebuild, storage, py.number(offset), ints(dims), ints(strides), py.bool(false), hooks);
}

export interface ModuleParts {
  readonly attributes?: Readonly<Record<string, py.PyValue>>;
  readonly parameters?: Readonly<Record<string, py.PyValue>>;
  readonly buffers?: Readonly<Record<string, py.PyValue>>;
  readonly modules?: Readonly<Record<string, py.PyValue>>;
}

/** A torch.nn.Module of the class `path` ("models.common.Conv"). */
export function module(path: string, { attributes, parameters, buffers, modules }: ModuleParts = {}): py.PyValue {
  const dot = path.lastIndexOf(".");
  return py.object(
    py.global(path.slice(0, dot), path.slice(dot + 1)),
    py.dict({
      training: py.bool(false),
      _parameters: py.orderedDict(parameters ?? {}),
      _buffers: py.orderedDict(buffers ?? {}),
      _modules: py.orderedDict(modules ?? {}),
      ...attributes,
    }),
  );
}

/** Writes modules with seeded random weights. */
export class Network {
  readonly storages = new Storages();
  readonly #random: () => number;

  constructor(seed = 1) {
    this.#random = randomSource(seed);
  }

  floats(dims: readonly number[], low = -0.5, high = 0.5): py.PyValue {
    const count = dims.reduce((product, dim) => product * dim, 1);
    const values = Float32Array.from({ length: count }, () => low + (high - low) * this.#random());
    return tensor(this.storages.add("FloatStorage", values), dims);
  }

  /** torch.nn.Conv2d */
  conv2d(
    from: number,
    to: number,
    kernel = 1,
    stride = 1,
    bias = false,
    more: ModuleParts["attributes"] = {},
  ): py.PyValue {
    const pair = (value: number) => ints([value, value]);
    return module("torch.nn.modules.conv.Conv2d", {
      attributes: {
        kernel_size: pair(kernel),
        stride: pair(stride),
        padding: pair(kernel >> 1),
        dilation: pair(1),
        groups: py.number(1),
        padding_mode: py.text("zeros"),
        ...more,
      },
      parameters: { weight: this.floats([to, from, kernel, kernel]), bias: bias ? this.floats([to]) : py.none },
    });
  }

  batchNorm(channels: number): py.PyValue {
    const dims = [channels];
    return module("torch.nn.modules.batchnorm.BatchNorm2d", {
      attributes: { eps: py.number(0.001) },
      parameters: { weight: this.floats(dims, 0.5, 1.5), bias: this.floats(dims) },
      buffers: { running_mean: this.floats(dims), running_var: this.floats(dims, 0.5, 1.5) },
    });
  }

  /** models.common.Conv */
  conv(from: number, to: number, kernel = 1, stride = 1, where: ModuleParts["attributes"] = {}): py.PyValue {
    return module("models.common.Conv", {
      attributes: where,
      modules: {
        conv: this.conv2d(from, to, kernel, stride),
        bn: this.batchNorm(to),
        act: module("torch.nn.modules.activation.SiLU"),
      },
    });
  }

  /** models.yolo.Detect of one level with two anchors. */
  detect(from: number, classes: number, stride: number, where: ModuleParts["attributes"] = {}): py.PyValue {
    const anchors = this.storages.add("FloatStorage", Float32Array.of(1.25, 1.5, 2, 4));
    const strides = this.storages.add("FloatStorage", Float32Array.of(stride));
    return module("models.yolo.Detect", {
      attributes: { nc: py.number(classes), stride: tensor(strides, [1]), ...where },
      buffers: { anchors: tensor(anchors, [1, 2, 2]) },
      modules: {
        m: module("torch.nn.modules.container.ModuleList", {
          modules: { "0": this.conv2d(from, 2 * (5 + classes), 1, 1, true) },
        }),
      },
    });
  }

  /** models.yolo.DetectionModel with these layers. */
  model(layers: readonly py.PyValue[], attributes: ModuleParts["attributes"] = {}): py.PyValue {
    const sequential = module("torch.nn.modules.container.Sequential", {
      modules: Object.fromEntries(layers.map((layer, i) => [String(i), layer])),
    });
    const names = py.dict([
      [py.number(0), py.text("cat")],
      [py.number(1), py.text("it's")],
    ]);
    return module("models.yolo.DetectionModel", {
      attributes: { names, ...attributes },
      modules: { model: sequential },
    });
  }

  /** Two convolutions and a head: the smallest detector. */
  tiny(): py.PyValue {
    const from = (f: number) => ({ f: py.number(f) });
    return this.model([
      this.conv(3, 4, 3, 2, from(-1)),
      this.conv(4, 6, 1, 2, from(-1)),
      this.detect(6, 2, 4, from(-1)),
    ]);
  }

  zip(root: py.PyValue, protocol?: number): Uint8Array {
    return zipCheckpoint(root, this.storages, protocol);
  }
}

/** As torch.save writes it since PyTorch 1.6. */
export function zipCheckpoint(root: py.PyValue, storages: Storages, protocol?: number): Uint8Array {
  const parts = [
    { name: "best/data.pkl", bytes: py.pickle(root, protocol) },
    { name: "best/byteorder", bytes: new TextEncoder().encode("little") },
    ...[...storages.files].map(([key, { bytes }]) => ({ name: `best/data/${key}`, bytes })),
  ];
  return writeZip(parts, { align: true });
}

/** As torch.save wrote it before that. */
export function legacyCheckpoint(root: py.PyValue, storages: Storages): Uint8Array {
  const keys = [...storages.files.keys()];
  const head = [py.number(0x1950a86a20f9469cfc6cn), py.number(1001), py.dict({ little_endian: py.bool(true) }), root];
  const pickles = [...head, py.list(...keys.map(py.text))].map((value) => py.pickle(value));
  const data = keys.flatMap((key) => {
    const { bytes, count } = storages.files.get(key)!;
    return [new Uint8Array(BigUint64Array.of(BigInt(count)).buffer), bytes];
  });
  return new Uint8Array(Buffer.concat([...pickles, ...data]));
}
