import { OLDEST_OPSET } from "../opsets.js";
import { CONTRIBUTED, SET_LETTERS, STANDARD, TYPE_SETS } from "./table.js";

/** Number of values of a parameter: one; none or one; one or more; any number; any number, of which some may be left out. */
export type Option = "." | "?" | "+" | "*" | "~";

export interface InputParameter {
  readonly option: Option;
  /** The element types, as bits: bit n for TensorProto.DataType n, bit 0 for anything but a tensor. */
  readonly types: number;
}

/** What a node of one operator looks like, from one opset on. */
export interface Form {
  readonly since: number;
  readonly inputs: readonly InputParameter[];
  readonly outputs: readonly Option[];
  /** Attributes that must be given. */
  readonly needed: readonly string[];
}

export interface Signature {
  /** Attribute → the letter of its type (`attributeTypes`), for the attributes of all versions. */
  readonly attributes: ReadonlyMap<string, string>;
  /** The oldest first. */
  readonly forms: readonly Form[];
}

/** The types of attributes by their letters in the table. */
export const attributeTypes: Readonly<Record<string, string>> = {
  f: "float",
  i: "int",
  s: "string",
  t: "tensor",
  g: "graph",
  F: "floats",
  I: "ints",
  S: "strings",
  o: "opaque",
};

/** The table of one domain. Lines are parsed when their operator is asked for. */
class Table {
  readonly #text: string;
  readonly #known = new Map<string, Signature>();
  #lines: ReadonlyMap<string, string> | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  get(opType: string): Signature | undefined {
    const known = this.#known.get(opType);
    if (known !== undefined) return known;
    this.#lines ??= new Map(this.#text.split("\n").map((line) => [line.slice(0, line.indexOf(" ")), line]));
    const line = this.#lines.get(opType);
    if (line === undefined) return undefined;
    const signature = parse(line);
    this.#known.set(opType, signature);
    return signature;
  }
}

const tables: ReadonlyMap<string, Table> = new Map([
  ["", new Table(STANDARD)],
  ["com.microsoft", new Table(CONTRIBUTED)],
]);

/** The signature of an operator. Undefined if the table does not have it: the runtime then decides. */
export function signatureOf(domain: string, opType: string): Signature | undefined {
  return tables.get(domain)?.get(opType);
}

/** The form that a file of this opset uses. An operator that is newer than the opset has its oldest form. */
export function formAt({ forms }: Signature, opset = OLDEST_OPSET): Form {
  return forms.findLast(({ since }) => since <= opset) ?? forms[0]!;
}

const sets = TYPE_SETS.split(" ").map((mask) => Number.parseInt(mask, 16));

function parse(line: string): Signature {
  const [, attributes = "", ...forms] = line.split(" ");
  const listed = attributes === "-" ? [] : attributes.split(",");
  return {
    attributes: new Map(listed.map((entry) => [entry.slice(1), entry.charAt(0)])),
    forms: forms.map(parseForm),
  };
}

function parseForm(text: string): Form {
  const [since = "", inputs = "", outputs = "", ...needed] = text.split("/");
  return {
    since: Number(since),
    inputs: Array.from({ length: inputs.length / 2 }, (_, i) => ({
      option: inputs.charAt(2 * i) as Option,
      types: sets[SET_LETTERS.indexOf(inputs.charAt(2 * i + 1))]!,
    })),
    outputs: [...outputs] as Option[],
    needed,
  };
}
