import { describe, expect, it } from "vitest";
import { planDifferentiation } from "../../src/autodiff/reachability.js";
import { defaultRules, ruleTable } from "../../src/autodiff/rules/index.js";
import { GraphBuilder } from "../../src/onnx/builder.js";
import { checkVjp } from "../support/check-vjp.js";

type Dims = readonly (readonly number[])[];
const names = ["a", "b", "c"] as const;

function check(equation: string, dims: Dims, manySeeds: "equal" | "refused" | "skip", wanted?: string[]) {
  return checkVjp({
    build: (b, x) =>
      b.op(
        "Einsum",
        names.slice(0, dims.length).map((name) => x[name]!),
        { equation },
      ),
    inputs: Object.fromEntries(dims.map((own, i) => [names[i]!, { dims: own }])),
    ...(wanted ? { wanted } : {}),
    manySeeds,
  });
}

describe("Einsum agrees with differences", () => {
  it.each<[string, Dims]>([
    [
      "ij,jk->ik",
      [
        [3, 5],
        [5, 2],
      ],
    ],
    [
      "ij,kj->ki",
      [
        [3, 5],
        [2, 5],
      ],
    ],
    [
      "bchw,bkc->bkhw",
      [
        [2, 3, 5, 2],
        [2, 7, 3],
      ],
    ],
    [
      "bmchw,bnmc->bmhwn",
      [
        [2, 3, 2, 5, 1],
        [2, 7, 3, 2],
      ],
    ],
    [
      "bij,bkl->b",
      [
        [2, 3, 5],
        [2, 2, 7],
      ],
    ],
    ["i,j->ij", [[3], [5]]],
    ["i,i->", [[5], [5]]],
    [
      "ij,ij->ij",
      [
        [3, 5],
        [3, 5],
      ],
    ],
    [
      "cb,ba",
      [
        [3, 5],
        [5, 2],
      ],
    ],
    [
      "Ab,bC->AC",
      [
        [3, 5],
        [5, 2],
      ],
    ],
    [
      " i j , j k -> k i ",
      [
        [3, 5],
        [5, 2],
      ],
    ],
    [",ij->ji", [[], [3, 5]]],
    ["ij->ji", [[3, 5]]],
    ["ijk->j", [[3, 5, 2]]],
    ["ijk->", [[3, 5, 2]]],
    [
      "ij,jk,kl->il",
      [
        [2, 3],
        [3, 5],
        [5, 2],
      ],
    ],
    [
      "ij,ik,il->jkl",
      [
        [2, 3],
        [2, 5],
        [2, 7],
      ],
    ],
  ])("%s of %j", (equation, dims) => check(equation, dims, "skip"));

  it.each<[string, Dims]>([
    [
      "ij,jk->ik",
      [
        [3, 1],
        [5, 2],
      ],
    ],
    [
      "bij,bjk->bik",
      [
        [1, 3, 5],
        [2, 5, 7],
      ],
    ],
    [
      "bij,bjk->bik",
      [
        [2, 3, 5],
        [1, 1, 7],
      ],
    ],
  ])("an axis of 1 that is repeated: %s of %j", (equation, dims) => check(equation, dims, "skip"));

  it.each<[string, Dims, "equal" | "refused", string[]?]>([
    [
      "bchw,bkc->bkhw",
      [
        [1, 3, 5, 2],
        [1, 7, 3],
      ],
      "equal",
    ],
    [
      "bij,jk->bik",
      [
        [1, 3, 5],
        [5, 7],
      ],
      "equal",
      ["a"],
    ],
    [
      "bijz,bjk->bik",
      [
        [1, 3, 5, 2],
        [1, 5, 7],
      ],
      "equal",
    ],
    [
      "bij,bjk->bik",
      [
        [1, 3, 5],
        [1, 1, 7],
      ],
      "equal",
    ],
    [
      "bij,jk->bik",
      [
        [1, 3, 5],
        [5, 7],
      ],
      "refused",
      ["b"],
    ],
    [
      "bij,bjk->ibk",
      [
        [1, 3, 5],
        [1, 5, 7],
      ],
      "refused",
    ],
    ["bij->", [[1, 3, 5]], "refused"],
  ])("many seeds: %s of %j: %s", (equation, dims, manySeeds, wanted) => check(equation, dims, manySeeds, wanted));

  it.each([
    ["...ij,...jk->...ik", [3, 5], [5, 2], "ellipsis"],
    ["ii,ij->j", [3, 3], [3, 2], "repeats"],
  ] as const)("%s is refused before anything is built", (equation, a, b, why) => {
    const build = new GraphBuilder("m");
    const y = build.op("Einsum", [build.input("a", a), build.input("b", b)], { equation });
    build.output(y);
    const { blocked } = planDifferentiation(build.graph("g"), ["a"], [y], ruleTable(defaultRules));
    expect(blocked).toEqual([{ op: "Einsum", count: 1, nodes: [y], reason: expect.stringContaining(why) }]);
  });
});
