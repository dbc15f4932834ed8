import { broken, EXPORT_ADVICE, unsupported } from "./broken.js";
import { wholeNumber } from "./construct.js";
import { utf8 } from "./cursor.js";
import { layoutOf, TorchStorage } from "./storage.js";
import { unpickle } from "./unpickle.js";
import { describeValue, type PickleValue, PyGlobal } from "./values.js";
import { readZip, zipNames } from "./zip.js";

/**
 * Reads a zip archive of torch.save (PyTorch 1.6 and newer): `NAME/data.pkl` is the pickle, `NAME/data/KEY` are the
 * storages, which stay views into `bytes`.
 * @throws bad-input; unsupported-model for TorchScript and big-endian files.
 */
export function readArchive(bytes: Uint8Array): PickleValue {
  const names = zipNames(bytes);
  const pickles = names.filter((name) => /^([^/]*\/)?data\.pkl$/.test(name));
  const [path] = pickles;
  if (path === undefined && names.includes("model.weights.h5")) {
    throw unsupported(
      "This is a model of Keras, not a PyTorch file.",
      'Export it in Keras: model.export("model.onnx", format="onnx"), and pass that file.',
    );
  }
  if (path === undefined) {
    const shown = names.slice(0, 3).map((name) => `"${name.slice(0, 60)}"`);
    throw unsupported(
      `The zip archive has no NAME/data.pkl, which torch.save writes. It holds ${names.length} files: ${shown.join(", ")}, …`,
      "Pass the model file itself.",
    );
  }
  if (pickles.length > 1)
    throw broken(`the zip archive has ${pickles.length} files NAME/data.pkl; torch.save writes one`);
  const root = path.slice(0, -"data.pkl".length);
  if (names.includes(`${root}constants.pkl`)) {
    throw unsupported("The file is a TorchScript archive, compiled code, and not a checkpoint.", EXPORT_ADVICE);
  }
  const files = readZip(bytes);
  const order = files.get(`${root}byteorder`);
  if (order !== undefined && utf8(order.subarray(0, 8)) !== "little") {
    throw unsupported("The PyTorch file was saved on a big-endian machine.", "Save it again on another machine.");
  }
  // Indexed by the keys, which are short. Names can be long, and a pickle can refer to one a million times.
  const prefix = `${root}data/`;
  const storages = new Map(
    [...files].filter(([name]) => name.startsWith(prefix)).map(([name, data]) => [name.slice(prefix.length), data]),
  );
  return unpickle(files.get(path)!, 0, (id) => {
    const { storageClass, key, count } = storageId(id);
    const layout = layoutOf(storageClass);
    const data = storages.get(key);
    if (data === undefined) throw broken(`storage "${key}" is not in the archive`, { storage: key });
    if (count * layout.width > data.length) {
      throw broken(`storage "${key}" has ${data.length} bytes for ${count} elements of ${layout.type}`, {
        storage: key,
      });
    }
    return new TorchStorage(layout, count, data.subarray(0, count * layout.width));
  }).value;
}

export interface StorageId {
  /** "FloatStorage". */
  readonly storageClass: string;
  readonly key: string;
  /** Elements. */
  readonly count: number;
  /** In the older format: the storage is a part of another one. */
  readonly part: PickleValue | undefined;
}

/** The persistent id `("storage", class, key, device, elements[, part])`. @throws bad-input for anything else. */
export function storageId(id: PickleValue): StorageId {
  const [kind, type, key, , count, part] = Array.isArray(id) ? id : [];
  if (kind !== "storage" || !(type instanceof PyGlobal) || typeof key !== "string" || key.length > 64) {
    throw broken(`the pickle refers to ${describeValue(id)}, expected a storage`);
  }
  return { storageClass: type.name, key, count: wholeNumber(count), part: part ?? undefined };
}
