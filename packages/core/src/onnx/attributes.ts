import { WhyboxError } from "../errors.js";
import type { Attribute, Node, TensorProto } from "./model.js";

/** An attribute value as written in code: `3` is an int, `{ float: 3 }` a float, `[1, 2]` ints, `"x"` a string. */
export type AttributeLiteral =
  | number
  | string
  | readonly number[]
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly tensor: TensorProto };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** An attribute from its literal form. Plain numbers must be integers: a float is written `{ float: 0.1 }`. */
export function attribute(literal: AttributeLiteral): Attribute {
  if (typeof literal === "number") {
    if (!Number.isInteger(literal))
      throw new WhyboxError("internal", `Attribute ${literal} is no integer: write { float }.`);
    return { type: "int", value: literal };
  }
  if (typeof literal === "string") return { type: "string", value: encoder.encode(literal) };
  if ("float" in literal) return { type: "float", value: literal.float };
  if ("floats" in literal) return { type: "floats", value: literal.floats };
  if ("tensor" in literal) return { type: "tensor", value: literal.tensor };
  return { type: "ints", value: literal };
}

/** The int attribute `name` of the node, or `fallback` when the node does not set it. */
export function intAttribute(node: Node, name: string, fallback: number): number {
  const found = expectType(node, name, "int");
  return found === undefined ? fallback : found.value;
}

export function floatAttribute(node: Node, name: string, fallback: number): number {
  const found = expectType(node, name, "float");
  return found === undefined ? fallback : found.value;
}

export function stringAttribute(node: Node, name: string, fallback: string): string {
  const found = expectType(node, name, "string");
  return found === undefined ? fallback : decoder.decode(found.value);
}

export function intsAttribute(node: Node, name: string): readonly number[] | undefined {
  return expectType(node, name, "ints")?.value;
}

export function floatsAttribute(node: Node, name: string): readonly number[] | undefined {
  // An empty list has no elements, and some writers omit its type. It decodes as ints.
  const found = node.attributes.get(name);
  if (found?.type === "ints" && found.value.length === 0) return [];
  return expectType(node, name, "floats")?.value;
}

export function tensorAttribute(node: Node, name: string): TensorProto | undefined {
  return expectType(node, name, "tensor")?.value;
}

/** @throws bad-input when the attribute has another type (a hostile or broken file). */
function expectType<T extends Attribute["type"]>(
  node: Node,
  name: string,
  type: T,
): Extract<Attribute, { type: T }> | undefined {
  const found = node.attributes.get(name);
  if (found === undefined) return undefined;
  if (found.type !== type) {
    throw new WhyboxError(
      "bad-input",
      `Node "${node.name}" (${node.opType}): attribute "${name}" is ${found.type}, expected ${type}. The file is damaged, or its exporter is faulty: export it again.`,
      { details: { node: node.name, op: node.opType, attribute: name } },
    );
  }
  return found as Extract<Attribute, { type: T }>;
}
