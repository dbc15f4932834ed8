import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildBackwardModel } from "../../src/autodiff/backward-model.js";
import { defaultRules } from "../../src/autodiff/rules/index.js";
import { WhyboxError } from "../../src/errors.js";
import { decodeModel } from "../../src/onnx/decode.js";
import { encodeModel } from "../../src/onnx/encode.js";
import type { Attribute, Model, Node } from "../../src/onnx/model.js";
import { readModel } from "../../src/readers/read-model.js";
import { exportBytes } from "../support/exports.js";

/** Numbers that choose what a change hits. */
type Choices = readonly [number, number];
type Change = (node: Node, choices: Choices) => Partial<Node>;

const HUGE = 2 ** 53;
const without = <T>(list: readonly T[], at: number): T[] => list.filter((_, i) => i !== at % list.length);
const replaced = <T>(list: readonly T[], at: number, by: T): T[] =>
  list.map((one, i) => (i === at % list.length ? by : one));

const values: readonly Attribute[] = [
  { type: "int", value: 0 },
  { type: "int", value: -HUGE },
  { type: "float", value: Number.NaN },
  { type: "ints", value: [] },
  { type: "ints", value: [HUGE, -1, 0] },
  { type: "floats", value: [1e30] },
  { type: "string", value: new Uint8Array(0) },
  { type: "strings", value: [] },
  { type: "opaque", value: Uint8Array.of(0x0a, 1, 97) },
];

/** An attribute of the node, at random, with another value. */
const revalued: Change = ({ attributes }, [a, b]) => {
  const [name] = [...attributes.keys()][a % attributes.size] ?? ["axis"];
  return { attributes: new Map([...attributes, [name!, values[b % values.length]!]]) };
};

const changes: Readonly<Record<string, Change>> = {
  "an input less": ({ inputs }, [a]) => ({ inputs: without(inputs, a) }),
  "an output less": ({ outputs }, [a]) => ({ outputs: without(outputs, a) }),
  "an input twice": ({ inputs }, [a]) => ({ inputs: [...inputs, ...inputs.slice(a % (inputs.length + 1))] }),
  "an output more": ({ outputs }) => ({ outputs: [...outputs, "one_more"] }),
  "an input left out": ({ inputs }, [a]) => ({ inputs: replaced(inputs, a, "") }),
  "an output left out": ({ outputs }, [a]) => ({ outputs: replaced(outputs, a, "") }),
  "inputs in another order": ({ inputs }) => ({ inputs: inputs.toReversed() }),
  "an attribute less": ({ attributes }, [a]) => ({ attributes: new Map(without([...attributes], a)) }),
  "another value": revalued,
  "another domain": (_, [a]) => ({ domain: a % 2 === 0 ? "com.microsoft" : "custom" }),
};

/** The model with a change of one node, and for one choice in four the operator of another node. */
function changed(model: Model, change: Change, at: number, choices: Choices): Model {
  const { nodes } = model.graph;
  const index = at % nodes.length;
  const node = nodes[index]!;
  const opType = choices[1] % 4 === 0 ? nodes[choices[0] % nodes.length]!.opType : node.opType;
  const next = { ...node, opType, ...change(node, choices) };
  return { ...model, graph: { ...model.graph, nodes: nodes.with(index, next) } };
}

/** Reads the file, and builds the gradient from its outputs to its image. */
function use(bytes: Uint8Array): void {
  const model = readModel(bytes);
  const { inputs, outputs } = model.graph;
  const taps = inputs.map(({ name }) => name);
  const request = { taps, outputs: outputs.map(({ name }) => name), rules: defaultRules, manySeeds: true };
  encodeModel(buildBackwardModel(model, { ...request, forwardValues: "saved" }).model);
}

const EXPECTED = ["bad-input", "unsupported-model", "no-gradient", "limit"];

describe.each(["v5", "v8-qlinear-all"])("%s", (name) => {
  const model = decodeModel(exportBytes(name));

  it.each(Object.keys(changes))("with %s is used, or refused by a typed error", (what) => {
    const number = fc.nat(1_000_000);
    const mutation = fc.tuple(number, fc.tuple(number, number));
    fc.assert(
      fc.property(mutation, ([at, choices]) => {
        const bytes = encodeModel(changed(model, changes[what]!, at, choices));
        try {
          use(bytes);
        } catch (error) {
          if (!(error instanceof WhyboxError)) throw error;
          expect(EXPECTED).toContain(error.code);
        }
      }),
      { numRuns: 15, seed: 18 },
    );
  });
});
