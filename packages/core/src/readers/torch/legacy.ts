import { storageId } from "./archive.js";
import { broken, unsupported } from "./broken.js";
import { wholeNumber } from "./construct.js";
import { Cursor } from "./cursor.js";
import { layoutOf, TorchStorage } from "./storage.js";
import { unpickle } from "./unpickle.js";
import { describeValue, type PickleValue, PyGlobal } from "./values.js";

/** The first pickle of such a file: PyTorch's magic number. */
const MAGIC = 0x1950a86a20f9469cfc6cn;
const PROTOCOL = 1001;
/** Maximum number of opcodes of each pickle before the object. PyTorch's have 30. */
const MAX_HEAD = 1000;

/** A storage that is part of another one. It gets its bytes when the other one is read. */
interface Part {
  readonly storage: TorchStorage;
  readonly rootKey: string;
  /** Elements from the root's start. */
  readonly offset: number;
}

/**
 * Reads the format of torch.save before PyTorch 1.6, or with `_use_new_zipfile_serialization=False`: five pickles in
 * sequence (magic number, version, machine, the object, keys of its storages), then each storage's element count and elements.
 * @throws bad-input; unsupported-model for big-endian files.
 */
export function readLegacy(bytes: Uint8Array): PickleValue {
  const noStorage = (id: PickleValue): never => {
    throw broken(`the head of the file refers to ${describeValue(id)}`);
  };
  const magic = unpickle(bytes, 0, noStorage, MAX_HEAD);
  if (magic.value !== MAGIC) {
    throw broken(
      "it is a Python pickle, but does not begin with PyTorch's mark (expected a file written by torch.save)",
    );
  }
  const version = unpickle(bytes, magic.end, noStorage, MAX_HEAD);
  if (version.value !== PROTOCOL) throw broken(`its version is ${describeValue(version.value)}, expected ${PROTOCOL}`);
  const machine = unpickle(bytes, version.end, noStorage, MAX_HEAD);
  if (machine.value instanceof Map && machine.value.get("little_endian") === false) {
    throw unsupported("The PyTorch file was saved on a big-endian machine.", "Save it again on another machine.");
  }
  const roots = new Map<string, TorchStorage>();
  const parts: Part[] = [];
  const object = unpickle(bytes, machine.end, (id) => resolve(id, roots, parts));
  const keys = unpickle(bytes, object.end, noStorage);
  fill(new Cursor(bytes, "the PyTorch file", keys.end), keys.value, roots);
  for (const part of parts) fillPart(part, roots);
  return object.value;
}

function resolve(id: PickleValue, roots: Map<string, TorchStorage>, parts: Part[]): PickleValue {
  // A module's class comes with its source text, which is ignored.
  if (Array.isArray(id) && id[0] === "module" && id[1] instanceof PyGlobal) return id[1];
  const { storageClass, key, count, part } = storageId(id);
  const layout = layoutOf(storageClass);
  const known = roots.get(key);
  if (known !== undefined && (known.type !== layout.type || known.count !== count)) {
    throw broken(`storage "${key}" is said to be ${known.count} ${known.type} and ${count} ${layout.type}`);
  }
  const root = known ?? new TorchStorage(layout, count);
  roots.set(key, root);
  if (part === undefined) return root;
  const [, offset, size] = Array.isArray(part) ? part : [];
  const storage = new TorchStorage(layout, wholeNumber(size));
  parts.push({ storage, rootKey: key, offset: wholeNumber(offset) });
  return storage;
}

/** Reads the storages in the order of `keys`. */
function fill(cursor: Cursor, keys: PickleValue, roots: ReadonlyMap<string, TorchStorage>): void {
  if (!Array.isArray(keys)) throw broken(`the list of storages is ${describeValue(keys)}`);
  const read = new Set<string>();
  for (const key of keys) {
    const storage = typeof key === "string" ? roots.get(key) : undefined;
    if (typeof key !== "string" || storage === undefined || read.has(key)) {
      throw broken(
        `the list of storages has ${describeValue(key)}, which is no storage of the model or was there before`,
      );
    }
    const count = cursor.u64();
    if (count !== storage.count) throw broken(`storage "${key}" has ${count} elements, expected ${storage.count}`);
    storage.bytes = cursor.take(count * storage.width);
    read.add(key);
  }
  const missing = [...roots.keys()].find((key) => !read.has(key));
  if (missing !== undefined) throw broken(`storage "${missing}" is not in the list of storages`);
}

function fillPart({ storage, rootKey, offset }: Part, roots: ReadonlyMap<string, TorchStorage>): void {
  const root = roots.get(rootKey)!;
  if (offset + storage.count > root.count) {
    throw broken(`a part of storage "${rootKey}" reaches to ${offset + storage.count} of ${root.count} elements`);
  }
  storage.bytes = root.bytes.subarray(offset * root.width, (offset + storage.count) * root.width);
}
