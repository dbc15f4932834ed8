import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { Parser } from "pickleparser";
import { describe, expect, it } from "vitest";
import { storageId } from "../../../src/readers/torch/archive.js";
import { layoutOf, TorchStorage } from "../../../src/readers/torch/storage.js";
import { unpickle } from "../../../src/readers/torch/unpickle.js";
import { type PickleValue, PyGlobal, PyRecord } from "../../../src/readers/torch/values.js";
import { readZip } from "../../../src/readers/torch/zip.js";

/** The pickles that PyTorch wrote of whole models, read by us and by the package pickleparser. */
const folder = fileURLToPath(new URL("../../../../../fixtures/torch/", import.meta.url));
const checkpoints = readdirSync(folder).filter((file) => file.endsWith(".pt.gz"));

/** What stands for a storage: its persistent id, so that both readers give the same. */
class Storage {
  readonly id: unknown;

  constructor(id: unknown) {
    this.id = id;
  }
}

describe.each(checkpoints)("the pickle of %s", (file) => {
  const files = readZip(new Uint8Array(gunzipSync(readFileSync(`${folder}${file}`))));
  const pickle = files.get([...files.keys()].find((name) => name.endsWith("data.pkl"))!)!;

  it("holds the same for both", () => {
    const storages: string[] = [];
    const ours = leavesOf(unpickle(pickle, 0, (id) => storage(id, storages)).value);
    const theirIds: string[] = [];
    const parser = new Parser({
      nameResolver: { resolve: recordClass },
      persistentResolver: { resolve: (id) => new Storage(theirIds.push(String((id as unknown as unknown[])[2]))) },
      unpicklingTypeOfDictionary: "Map",
      unpicklingTypeOfSet: "Set",
    });
    const theirs = leavesOf(parser.parse(pickle) as never);
    expect(storages).toEqual(theirIds);
    expect(storages.length).toBeGreaterThan(10);
    expect(ours.length).toBeGreaterThan(100);
    expect(ours).toEqual(theirs);
  });
});

function storage(id: PickleValue, seen: string[]): TorchStorage {
  const { storageClass, key, count } = storageId(id);
  seen.push(key);
  const layout = layoutOf(storageClass);
  return new TorchStorage(layout, count, new Uint8Array(count * layout.width));
}

/** A class of which only the name is known, for the other reader. */
function recordClass(module: string, name: string): never {
  const rebuilt = REBUILT.get(name);
  if (rebuilt !== undefined) return rebuilt as never;
  const make = function (this: unknown, ...args: unknown[]): Foreign {
    return new Foreign(`${module}.${name}`, args);
  };
  return make as never;
}

/** Ours makes values of these; here their like. */
const REBUILT: ReadonlyMap<string, (...args: unknown[]) => unknown> = new Map<string, (...args: unknown[]) => unknown>([
  ["OrderedDict", () => new Map()],
  ["set", (values) => new Set(values as unknown[])],
  ["_rebuild_tensor_v2", () => null],
  ["_rebuild_parameter", () => null],
  ["Size", (values) => values],
]);

class Foreign {
  readonly path: string;
  readonly args: readonly unknown[];
  state: unknown = null;

  constructor(path: string, args: readonly unknown[]) {
    this.path = path;
    this.args = args;
  }

  __setstate__(state: unknown): void {
    this.state = state;
  }
}

/** Names of classes, keys and plain values, in the order in which they stand; what is rebuilt as a tensor or a container is left out. */
function leavesOf(root: unknown): string[] {
  const leaves: string[] = [];
  const seen = new Set<unknown>();
  const visit = (value: unknown): void => {
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") {
      leaves.push(String(value));
      return;
    }
    if (typeof value !== "object" || value === null || seen.has(value)) return;
    seen.add(value);
    if (value instanceof Map) {
      for (const [key, entry] of value) {
        visit(key);
        visit(entry);
      }
    } else if (Array.isArray(value) || value instanceof Set) for (const one of value) visit(one);
    else if (value instanceof PyRecord) {
      leaves.push(value.type.path);
      visit(value.state);
    } else if (value instanceof Foreign) {
      leaves.push(value.path);
      visit(value.state);
    } else if (value instanceof PyGlobal) leaves.push(value.path);
  };
  visit(root);
  return leaves;
}
