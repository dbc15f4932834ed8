import { defaultMethodId, WhyboxError } from "@whybox/core";
import type { Choices } from "./context.js";
import type { ExplainValues } from "./explain-options.js";
import type { MethodFacts } from "./method-facts.js";

/** What is known of a command line beside the values of its options. */
export interface Given {
  /** Sources as typed. */
  readonly sources: readonly string[];
  /** Whether an option was typed, and has not its default only. By commander's key. */
  has(key: keyof ExplainValues): boolean;
}

/**
 * Options that exclude each other, or miss another. The engine refuses most of them too, by the names of the library.
 * @throws usage that names the options as they are typed, and what to do. All of them at once.
 */
export function refuseContradictions(values: ExplainValues, given: Given, choices: Choices): void {
  const method = methodInEffect(values, choices);
  const problems = [
    ...boxProblems(values, given),
    ...mapProblems(values),
    ...scoreProblems(values),
    ...methodProblems(values, given, method, choices),
    ...pictureProblems(values, given),
  ];
  if (problems.length > 0) throw new WhyboxError("usage", problems.join("\n"), { details: { problems } });
}

/** What `--per` and `--per-detection` say together. */
export function perOf({ per, perDetection }: ExplainValues): "image" | "class" | "detection" {
  return per ?? (perDetection ? "detection" : "image");
}

function boxProblems(values: ExplainValues, { sources }: Given): string[] {
  const { box } = values;
  if (box === undefined) {
    return values.class === undefined
      ? []
      : ["--class says what --box is asked about; give the box, or --class-names."];
  }
  const problems: string[] = [];
  const [x1, y1, x2, y2] = box as [number, number, number, number];
  if (values.class === undefined) problems.push("--box needs --class: what should have been detected there?");
  if (!(x1 < x2 && y1 < y2)) {
    problems.push(`--box: expected left, top, right, bottom with left < right and top < bottom, got ${box.join(" ")}.`);
  }
  if (sources.length > 1) problems.push(`--box asks about one picture; ${sources.length} sources were given.`);
  if (perOf(values) !== "image") {
    problems.push(
      `--box asks about one box; ${values.perDetection ? "--per-detection" : "--per"} does not go with it.`,
    );
  }
  if (values.classNames.length > 0)
    problems.push("--class-names picks detections, and --box asks about none; use --class.");
  if (values.backwardPerClass) problems.push("--backward-per-class averages over classes; --box asks about one.");
  return problems;
}

function mapProblems(values: ExplainValues): string[] {
  const problems: string[] = [];
  const per = perOf(values);
  if (values.perDetection && per !== "detection") {
    problems.push(`--per-detection is short for --per detection; --per ${per} says otherwise. Give one of the two.`);
  }
  if (values.backwardPerClass && per !== "image") {
    problems.push(`--backward-per-class averages over classes, --per ${per} keeps them apart; give one of the two.`);
  }
  if (values.scale === "common" && per === "image") {
    problems.push("--scale common compares the maps of one picture; it needs --per detection or --per class.");
  }
  return problems;
}

function scoreProblems({ versus, backprop, classNames, class: asked }: ExplainValues): string[] {
  const explained = asked === undefined ? classNames : [asked];
  if (versus !== undefined && explained.length === 1 && explained[0]!.toLowerCase() === versus.toLowerCase()) {
    return [`--versus compares with another class; ${versus} is the one that is explained.`];
  }
  const contrasts = backprop?.includes("contrast");
  if (versus === undefined && contrasts)
    return ["--backprop contrast compares two classes; say with which, by --versus."];
  if (versus !== undefined && contrasts === false) {
    return ["--versus is what --backprop contrast compares with; leave --backprop out, or add contrast to it."];
  }
  return [];
}

function methodProblems(values: ExplainValues, given: Given, method: MethodFacts, choices: Choices): string[] {
  const problems: string[] = [];
  const name = values.method === undefined ? `${method.id}, the default here` : method.id;
  if (values.eigenSmooth && !method.eigenSmooth) {
    const others = choices.methods.filter((one) => one.eigenSmooth).map((one) => one.id);
    problems.push(
      `--eigen-smooth has no meaning for ${name}: its map is no sum over channels. Leave it out, or use --method ${others.join(", ")}.`,
    );
  }
  if (values.ablateTo !== undefined && values.compat) {
    problems.push("--compat says by itself what a channel becomes; leave --ablate-to out, or --compat.");
  }
  if (method.reads !== "layers" && given.has("layer") && values.layer[0] !== "auto") {
    problems.push(`--layer: ${method.id} is not read at a layer; leave it out.`);
  }
  return [...problems, ...unreadProblems(values, given, name, method, choices.methods)];
}

/** Options that only some methods read. */
function unreadProblems(
  values: ExplainValues,
  given: Given,
  name: string,
  method: MethodFacts,
  methods: readonly MethodFacts[],
): string[] {
  const options: readonly [flag: string, given: boolean, why: string, reads: (one: MethodFacts) => boolean][] = [
    ["--samples", values.samples !== undefined, "it takes none", (one) => one.samples !== null],
    ["--seed", given.has("seed"), "it draws nothing at random", (one) => one.usesSeed],
    ["--compat", values.compat, "it has no other numbers for it", (one) => one.hasCompat],
    ["--ablate-to", values.ablateTo !== undefined, "it takes no channel away", (one) => one.ablates],
  ];
  return options
    .filter(([, given, , reads]) => given && !reads(method))
    .map(([flag, , why, reads]) => {
      const others = methods.filter(reads).map(({ id }) => id);
      return `${flag} has no meaning for ${name}: ${why}. Leave it out, or use --method ${others.join(", ")}.`;
    });
}

function pictureProblems(values: ExplainValues, given: Given): string[] {
  if (values.crop && values.cropKeep) return ["--crop and --crop-keep are opposites; give one of the two."];
  const colours = (["colormap", "opacity"] as const).filter((key) => given.has(key));
  if (!(values.crop || values.cropKeep) || colours.length === 0) return [];
  const flag = values.crop ? "--crop" : "--crop-keep";
  return [`${flag} draws no heatmap; ${colours.map((key) => `--${key}`).join(" and ")} would have no effect.`];
}

function methodInEffect(values: ExplainValues, { methods }: Choices): MethodFacts {
  const single = perOf(values) === "detection" || values.box !== undefined;
  const id = values.method ?? defaultMethodId(single);
  return methods.find((method) => method.id === id) ?? methods[0]!;
}
