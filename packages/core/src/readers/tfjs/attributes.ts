import { arrayOf, broken, integerOf, objectOf, optional, stringOf } from "./json.js";
import type { TfNode } from "./topology.js";

/** Attributes of TF nodes, in protobuf's JSON form: `{ "s": base64 }`, `{ "i": "1" }`, `{ "list": { "i": [...] } }`. */

export function stringAttr(node: TfNode, name: string, fallback: string): string {
  const raw = field(node, name, "s");
  return raw === undefined ? fallback : decodeBase64(stringOf(raw, place(node, name)), place(node, name));
}

export function intAttr(node: TfNode, name: string, fallback: number): number {
  const raw = field(node, name, "i");
  return raw === undefined ? fallback : integerOf(raw, place(node, name));
}

export function floatAttr(node: TfNode, name: string, fallback: number): number {
  const raw = field(node, name, "f");
  if (raw === undefined) return fallback;
  if (typeof raw !== "number") throw broken(`${place(node, name)} is no number`);
  return raw;
}

export function boolAttr(node: TfNode, name: string, fallback: boolean): boolean {
  const raw = field(node, name, "b");
  if (raw === undefined) return fallback;
  if (typeof raw !== "boolean") throw broken(`${place(node, name)} is no boolean`);
  return raw;
}

/** The name of an element type, "DT_FLOAT". TF.js writes some types as the number of the protobuf enum. */
export function typeAttr(node: TfNode, name: string): string {
  const raw = field(node, name, "type");
  if (typeof raw === "number") return TYPE_NUMBERS[raw] ?? String(raw);
  return raw === undefined ? "" : stringOf(raw, place(node, name));
}

const TYPE_NUMBERS: Readonly<Record<number, string>> = {
  1: "DT_FLOAT",
  3: "DT_INT32",
  9: "DT_INT64",
  10: "DT_BOOL",
  19: "DT_HALF",
};

export function intsAttr(node: TfNode, name: string): number[] {
  return list(node, name, "i").map((item) => integerOf(item, place(node, name)));
}

export function stringsAttr(node: TfNode, name: string): string[] {
  return list(node, name, "s").map((item) => decodeBase64(stringOf(item, place(node, name)), place(node, name)));
}

/** The dims of a shape attribute, null where a size is unknown. Undefined when the file has no shape. */
export function shapeAttr(node: TfNode, name: string): (number | null)[] | undefined {
  const raw = field(node, name, "shape");
  if (raw === undefined) return undefined;
  const dims = optional(objectOf(raw, place(node, name)), "dim");
  if (dims === undefined) return undefined;
  return arrayOf(dims, place(node, name), 8).map((dim) => {
    const size = integerOf(optional(objectOf(dim, place(node, name)), "size") ?? 0, place(node, name));
    return size < 0 ? null : size;
  });
}

function list(node: TfNode, name: string, kind: string): readonly unknown[] {
  const raw = field(node, name, "list");
  if (raw === undefined) return [];
  return arrayOf(optional(objectOf(raw, place(node, name)), kind) ?? [], place(node, name), 64);
}

function field(node: TfNode, name: string, kind: string): unknown {
  const attribute = optional(node.attributes, name);
  return attribute === undefined ? undefined : optional(objectOf(attribute, place(node, name)), kind);
}

function place(node: TfNode, name: string): string {
  return `attribute "${name}" of node "${node.name}" (${node.op})`;
}

function decodeBase64(text: string, where: string): string {
  try {
    return atob(text);
  } catch (cause) {
    throw broken(`${where} is no base64`, cause);
  }
}
