import { dataTypeName } from "../data-types.js";
import { DataType, type Node } from "../model.js";
import { attributeTypes, type Form, formAt, type InputParameter, type Option, signatureOf } from "./signature.js";
import { windowFault } from "./window-fault.js";

/** What a check of a node may know about the graph around it. */
export interface Surroundings {
  /** The opset of the file. */
  readonly opset: number;
  /** The element type of an initializer or a graph input; 0 or undefined for other values. */
  elemType(value: string): number | undefined;
}

/** A difference between a node and the signature of its operator. */
export interface NodeFault {
  readonly found: string;
  readonly expected: string;
}

/**
 * The first difference between a node and the signature of its operator: its inputs, outputs, attributes, and the element types of inputs that are
 * constants or inputs of the graph. Undefined if there is none, or the table does not have the operator. Attributes that the table does not have pass.
 */
export function nodeFault(node: Node, around: Surroundings): NodeFault | undefined {
  const signature = signatureOf(node.domain, node.opType);
  if (signature === undefined) return undefined;
  const form = formAt(signature, node.domain === "" ? around.opset : undefined);
  return (
    countFault("input", node.inputs, options(form)) ??
    countFault("output", node.outputs, form.outputs) ??
    attributeFault(node, form, signature.attributes) ??
    typeFault(node, form, around) ??
    ruleFault(node) ??
    windowFault(node)
  );
}

/** The fault of a node of another domain that has the name of a standard operator. The code that looks for heads and layers reads names alone. */
export function namesakeFault(node: Node): NodeFault | undefined {
  if (node.domain === "com.microsoft") return undefined;
  return nodeFault({ ...node, domain: "" }, { opset: Number.POSITIVE_INFINITY, elemType: () => undefined });
}

const options = ({ inputs }: Form): Option[] => inputs.map(({ option }) => option);

/** Whether each parameter that needs a value has one, and no value is left over. Names that are empty stand for no value. */
function countFault(
  what: "input" | "output",
  values: readonly string[],
  parameters: readonly Option[],
): NodeFault | undefined {
  const last = parameters.at(-1);
  const isVariadic = last !== undefined && "+*~".includes(last);
  const least = parameters.findLastIndex((option) => option === "." || option === "+") + 1;
  const count = values.findLastIndex((value) => value !== "") + 1;
  const most = isVariadic ? Number.POSITIVE_INFINITY : parameters.length;
  if (values.length < least || count > most) {
    return { found: counted(values.length, what), expected: range(least, most, what) };
  }
  const isMissing = (value: string, i: number): boolean => {
    const option = parameters[i] ?? (isVariadic ? last : undefined);
    // An output that nothing reads may be left out, if it is one of many.
    return value === "" && (option === "." || (what === "input" && (option === "+" || option === "*")));
  };
  const missing = values.findIndex(isMissing);
  return missing < 0 ? undefined : { found: `${what} ${missing} left out`, expected: "the name of a value" };
}

function attributeFault(
  { attributes }: Node,
  { needed }: Form,
  types: ReadonlyMap<string, string>,
): NodeFault | undefined {
  for (const name of needed) {
    if (!attributes.has(name)) {
      return { found: `no attribute "${name}"`, expected: `one of type ${attributeTypes[types.get(name)!]}` };
    }
  }
  for (const [name, { type, value }] of attributes) {
    const letter = types.get(name);
    // Some writers leave out the type, and an empty list has no elements that tell it. It decodes as ints.
    const isEmptyList = type === "ints" && value.length === 0 && letter !== undefined && "FIS".includes(letter);
    if (letter === undefined || isEmptyList || attributeTypes[letter] === type) continue;
    return { found: `attribute "${name}" of type ${type}`, expected: `type ${attributeTypes[letter]}` };
  }
  return undefined;
}

function typeFault({ inputs }: Node, form: Form, around: Surroundings): NodeFault | undefined {
  const last = form.inputs.at(-1);
  for (const [i, value] of inputs.entries()) {
    const parameter: InputParameter | undefined = form.inputs[i] ?? last;
    const type = value === "" ? 0 : (around.elemType(value) ?? 0);
    // Types that are newer than the table are left to the runtime.
    if (parameter === undefined || type < 1 || type > MAX_TYPE || (parameter.types >> type) & 1) continue;
    return { found: `input ${i} of type ${dataTypeName(type)}`, expected: typeNames(parameter.types) };
  }
  return undefined;
}

/** The largest TensorProto.DataType of the table. */
const MAX_TYPE = 26;

function typeNames(mask: number): string {
  const names = Object.values(DataType)
    .filter((type) => (mask >> type) & 1)
    .map(dataTypeName);
  return names.length === 0 ? "no tensor" : names.join(", ");
}

/** What ONNX says of an operator in words. */
function ruleFault(node: Node): NodeFault | undefined {
  if (node.opType === "QLinearConcat" && (node.inputs.length < 5 || node.inputs.length % 3 !== 2)) {
    return { found: counted(node.inputs.length, "input"), expected: "2, and 3 for each tensor" };
  }
  return undefined;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

function range(least: number, most: number, what: string): string {
  if (least === most) return counted(least, what);
  return most === Number.POSITIVE_INFINITY ? `${counted(least, what)} or more` : `${least} to ${most} ${what}s`;
}
