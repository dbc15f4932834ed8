import type { WhyboxError } from "../../errors.js";
import { readArchive } from "./archive.js";
import { broken, EXPORT_ADVICE, unsupported } from "./broken.js";
import { torchContainer } from "./container.js";
import { readLegacy } from "./legacy.js";
import { isModule, TorchModule } from "./module.js";
import { TorchTensor } from "./tensor.js";
import { describeValue, type PickleValue, PyRecord } from "./values.js";

/** A checkpoint file with its network. */
export interface OpenCheckpoint {
  /** The format of torch.save: a zip archive (PyTorch 1.6 and newer), or the older format. */
  readonly container: "zip" | "legacy";
  /** The entry that holds the network. "file" when the file is the network itself. */
  readonly from: "ema" | "model" | "file";
  readonly model: TorchModule;
  /** The other entries. */
  readonly entries: ReadonlyMap<PickleValue, PickleValue>;
}

/**
 * Opens a checkpoint and finds its network: `ema` (the running average of the weights, which training evaluates and exports)
 * before `model`. Removes wrappers for several GPUs and for inference.
 * @throws bad-input; unsupported-model when it contains no network, for example only a state_dict.
 */
export function openCheckpoint(bytes: Uint8Array): OpenCheckpoint {
  const container = torchContainer(bytes);
  if (container === undefined) throw broken("it begins neither as a zip archive nor as a pickle");
  const root = container === "zip" ? readArchive(bytes) : readLegacy(bytes);
  const entries = root instanceof Map ? root : new Map<PickleValue, PickleValue>();
  for (const [from, value] of [
    ["ema", entries.get("ema")],
    ["model", entries.get("model")],
    ["file", root],
  ] as const) {
    if (value instanceof PyRecord && isModule(value)) return { container, from, model: unwrapped(value), entries };
  }
  throw withoutNetwork(root);
}

const WRAPPERS: ReadonlyMap<string, string> = new Map([
  ["DataParallel", "module"],
  ["DistributedDataParallel", "module"],
  ["AutoShape", "model"],
  ["DetectMultiBackend", "model"],
]);

function unwrapped(record: PyRecord): TorchModule {
  let module = new TorchModule(record, "");
  for (let depth = 0; depth < 4; depth++) {
    const inner = module.childOrNone(WRAPPERS.get(module.type.name) ?? "");
    if (inner === undefined) break;
    module = new TorchModule(inner.record, "");
  }
  return module;
}

function withoutNetwork(root: PickleValue): WhyboxError {
  const weights = [root, ...["state_dict", "model_state_dict", "ema", "model"].map((key) => entryOf(root, key))];
  if (weights.some(isStateDict)) {
    return unsupported(
      "The PyTorch file is a state_dict: weights by name, without the network that they belong to.",
      `Save the network itself (torch.save({"model": model}, path)), or export it to ONNX and pass that file.`,
    );
  }
  const keys =
    root instanceof Map ? ` with the entries ${[...root.keys()].slice(0, 12).map(describeValue).join(", ")}` : "";
  return unsupported(
    `The PyTorch file is ${describeValue(root)}${keys}; expected a checkpoint with a network in "ema" or "model".`,
    EXPORT_ADVICE,
  );
}

function entryOf(root: PickleValue, key: string): PickleValue | undefined {
  return root instanceof Map ? root.get(key) : undefined;
}

function isStateDict(value: PickleValue | undefined): boolean {
  return value instanceof Map && [...value.values()].some((entry) => entry instanceof TorchTensor);
}
