import { broken } from "./broken.js";
import { TorchStorage } from "./storage.js";
import { TorchTensor } from "./tensor.js";
import { describeValue, type PickleValue, type PyGlobal, PyRecord } from "./values.js";

/** Maximum number of characters in text that represents bytes (of a numpy scalar). */
const MAX_BYTES = 64;
const MAX_RANK = 16;
/** Parts of a path, and characters of one. */
const MAX_WORDS = 64;
const MAX_WORD = 256;

const clip = (word: string | number): string => String(word).slice(0, MAX_WORD);

type Constructor = (args: readonly PickleValue[], type: PyGlobal) => PickleValue;

/** The value of a call of `type`: one of the plain values below, or a record for every other class. Nothing is executed. */
export function construct(type: PyGlobal, args: readonly PickleValue[]): PickleValue {
  const rebuild = constructors.get(type.path);
  return rebuild === undefined ? new PyRecord(type, args) : rebuild(args, type);
}

// None of these copies a value of unlimited size: a pickle can pass the same value a million times.

/** A set made of a list is that list. */
const asElements: Constructor = ([elements = []], type) =>
  Array.isArray(elements) ? elements : new PyRecord(type, [elements]);

const asDict: Constructor = (args, type) => (args.length === 0 ? new Map() : new PyRecord(type, args));

const isWord = (part: PickleValue): part is string | number => typeof part === "string" || typeof part === "number";

/** A path as text: its parts joined. */
const asPath: Constructor = (parts) =>
  parts
    .slice(0, MAX_WORDS)
    .filter(isWord)
    .map(clip)
    .join("/")
    .replace(/^\/{2,}/, "/");

const asDevice: Constructor = (parts) => parts.slice(0, 2).filter(isWord).map(clip).join(":");

const asTensor: Constructor = ([storage, offset, dims, strides]) => {
  if (!(storage instanceof TorchStorage)) throw broken(`a tensor's storage is ${describeValue(storage)}`);
  return new TorchTensor(storage, wholeNumber(offset), wholeNumbers(dims), wholeNumbers(strides));
};

/** A parameter is its tensor. */
const asParameter: Constructor = ([data], type) => {
  if (data instanceof TorchTensor || data instanceof PyRecord) return data;
  throw broken(`${type.path} was called with ${describeValue(data)}`);
};

/** Protocol 2 writes bytes as text with a call that encodes it: the characters of the text are the bytes. */
const asBytes: Constructor = (args, type) => {
  const [text, encoding] = args;
  if (typeof text !== "string" || text.length > MAX_BYTES || encoding !== "latin1") return new PyRecord(type, args);
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
};

/** A numpy scalar of a little-endian type becomes a number. Others stay a record. */
const asNumber: Constructor = (args, type) => {
  const [dtype, bytes] = args;
  const code = dtype instanceof PyRecord ? dtype.args[0] : undefined;
  const order = dtype instanceof PyRecord && Array.isArray(dtype.state) ? dtype.state[1] : "<";
  if (typeof code !== "string" || order === ">" || !(bytes instanceof Uint8Array)) return new PyRecord(type, args);
  return readNumber(code, new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)) ?? new PyRecord(type, args);
};

function readNumber(code: string, view: DataView): PickleValue | undefined {
  return view.byteLength === Number(code.slice(1)) ? NUMBERS.get(code)?.(view) : undefined;
}

/** Readers of numpy's types. */
const NUMBERS: ReadonlyMap<string, (view: DataView) => PickleValue> = new Map<string, (view: DataView) => PickleValue>([
  ["f8", (view) => view.getFloat64(0, true)],
  ["f4", (view) => view.getFloat32(0, true)],
  ["i8", (view) => Number(view.getBigInt64(0, true))],
  ["i4", (view) => view.getInt32(0, true)],
  ["b1", (view) => view.getUint8(0) !== 0],
]);

/** Calls that return a plain value, by the path of the callee. */
const constructors: ReadonlyMap<string, Constructor> = new Map([
  ["collections.OrderedDict", asDict],
  ["collections.defaultdict", () => new Map()],
  ["builtins.set", asElements],
  ["__builtin__.set", asElements],
  ["builtins.frozenset", asElements],
  ["__builtin__.frozenset", asElements],
  ["_codecs.encode", asBytes],
  ["torch.Size", ([dims]) => wholeNumbers(dims)],
  ["torch.device", asDevice],
  ["torch._utils._rebuild_tensor", asTensor],
  ["torch._utils._rebuild_tensor_v2", asTensor],
  ["torch._utils._rebuild_parameter", asParameter],
  ["torch._utils._rebuild_parameter_with_state", asParameter],
  ["numpy.core.multiarray.scalar", asNumber],
  ["numpy._core.multiarray.scalar", asNumber],
  ...["pathlib", "pathlib._local"].flatMap((module) =>
    ["Path", "PosixPath", "WindowsPath", "PurePosixPath", "PureWindowsPath"].map((name): [string, Constructor] => [
      `${module}.${name}`,
      asPath,
    ]),
  ),
]);

/** @throws bad-input for anything but a whole number from 0 to 2^53. */
export function wholeNumber(value: PickleValue | undefined): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw broken(`${describeValue(value)} stands where a size, stride or offset is expected`);
}

function wholeNumbers(value: PickleValue | undefined): number[] {
  if (Array.isArray(value) && value.length <= MAX_RANK) return value.map(wholeNumber);
  throw broken(`${describeValue(value)} stands where a list of sizes is expected`);
}
