import { guidedRules } from "../../autodiff/guided.js";
import { type GradientReduction, meansOverCells, sumOverChannels } from "../../autodiff/reduce-gradients.js";
import { defaultRules } from "../../autodiff/rules/index.js";
import type { Detection } from "../../detector/detection.js";
import type { Layer } from "../../detector/layer.js";
import { findTaps, type Taps } from "../../detector/taps.js";
import { WhyboxError } from "../../errors.js";
import { type AnyCamMethod, defaultMethods } from "../../methods/index.js";
import type { Evidence } from "../../methods/method.js";
import { evidenceOf, needsWholeGradients, reducedNeed } from "../../methods/needs.js";
import { productNeeds, productTerms } from "../../methods/products.js";
import type { LoadedModel } from "../model/loaded-model.js";
import type { PlanContext } from "./backward-plan.js";
import { biasLayers, inputLayer } from "./network-layers.js";
import { type ForwardPlan, joinPlans, planTaps, type TapPlan } from "./tap-plan.js";

/** Detections, and the layers at which they are read. */
export interface RoutePart {
  readonly detections: readonly Detection[];
  readonly layers: readonly Layer[];
}

/** Everything that an explanation needs from the graph. */
export interface ExplainPlan {
  /** The evidence that is computed. */
  readonly needs: ReadonlySet<keyof Evidence>;
  readonly main: TapPlan;
  /** The plan with guided rules, if the method needs guided gradients. */
  readonly guided: TapPlan | undefined;
  readonly forward: ForwardPlan;
  /** Every layer that may be read. */
  readonly layers: readonly Layer[];
  /** True if each detection has its own layers. */
  readonly auto: boolean;
  /** Splits a group into parts that are read at the same layers. Detections of a level without layers are left out. */
  route(group: readonly Detection[]): RoutePart[];
}

/** The parts of an explanation that its plan depends on. */
export interface ExplainQuestion {
  readonly method: AnyCamMethod;
  /** Whether the contributions of the channels are read instead of their sum. */
  readonly eigenSmooth: boolean;
  /** The layers to read. Undefined: "auto". */
  readonly layers: readonly Layer[] | undefined;
  /** Whether detections have separate seeds. */
  readonly manySeeds: boolean;
  /** Whether a score reads mask prototypes. */
  readonly masks: boolean;
  /** Whether detections and scores read the classes of few rows. */
  readonly fewRows: boolean;
}

/**
 * Plans an explanation.
 * @throws no-gradient if ops between a layer and the predictions have no rule. The error names all of them.
 */
export function planExplain(loaded: LoadedModel & PlanContext, question: ExplainQuestion): ExplainPlan {
  const { method, layers, manySeeds, masks } = question;
  const needs = evidenceOf(method, question);
  refuseGradients(loaded, method, needs);
  const reads = method.reads ?? "layers";
  const perLevel = reads === "layers" && layers === undefined ? autoLayers(loaded, method) : undefined;
  const shown = reads === "network" ? [] : reads === "input" ? [inputLayer(loaded)] : (layers ?? perLevel!.flat());
  const distinct = shown.filter((one, i) => shown.findIndex((other) => other.value === one.value) === i);
  const lazy = question.fewRows && loaded.rules === defaultRules && [...needs].every((need) => LAZY_NEEDS.has(need));
  const main = planTaps(loaded, {
    lazy,
    layers: needs.has("biases")
      ? [inputLayer(loaded), ...biasLayers(loaded, { masks })]
      : needs.has("blends")
        ? [inputLayer(loaded), ...distinct]
        : distinct,
    activations: reads !== "network",
    scatters: needs.has("channelScatter"),
    gradients: gradientsFor(needs),
    manySeeds,
    masks,
    tails: needs.has("tail") || needs.has("curvature"),
  });
  const guided = needs.has("guidedGradients")
    ? planTaps(loaded, {
        layers: [inputLayer(loaded)],
        activations: false,
        gradients: true,
        manySeeds: false,
        masks,
        tails: false,
        rules: guidedRules(loaded.model.graph, loaded.rules),
      })
    : undefined;
  const route = (group: readonly Detection[]): RoutePart[] => {
    if (perLevel === undefined) return group.length > 0 ? [{ detections: group, layers: distinct }] : [];
    return perLevel.flatMap((own, level) => {
      const found = group.filter((detection) => detection.level === level);
      return found.length > 0 && own.length > 0 ? [{ detections: found, layers: own }] : [];
    });
  };
  return {
    needs,
    main,
    guided,
    forward: joinPlans(loaded, guided === undefined ? [main] : [main, guided]),
    layers: distinct,
    auto: perLevel !== undefined,
    // A search explains one detection at a time.
    route: (group) => (method.searches === true ? group.map((one) => [one]) : [group]).flatMap(route),
  };
}

/** Evidence that reads the predictions only through detections and scores. */
const LAZY_NEEDS: ReadonlySet<keyof Evidence> = new Set([
  "activations",
  "channelScatter",
  "gradients",
  "gradientMeans",
  "places",
  ...productNeeds,
]);

/** @throws no-gradient for a method that needs gradients of a model that gives only the boxes that it selected. */
function refuseGradients({ head }: LoadedModel, method: AnyCamMethod, needs: ReadonlySet<keyof Evidence>): void {
  if (head.kind !== "black-box" || !usesGradients(needs)) return;
  const others = methodsWithoutGradients();
  throw new WhyboxError(
    "no-gradient",
    `${method.title} needs gradients, and this model has none: it gives only the boxes that it selected, and the rows before the selection were not found. ` +
      `Use a method that only runs the network: ${others.join(", ")}. Or export the model again without its suppression.`,
    { details: { method: method.id, expected: others } },
  );
}

/** Ids of the methods that work without gradients, D-RISE first: it reads no layer. */
function methodsWithoutGradients(): string[] {
  const free = defaultMethods.filter((method) => !usesGradients(evidenceOf(method, { eigenSmooth: false })));
  const asks = ({ needs }: AnyCamMethod): number => Number(needs.length === 1 && needs[0] === "masked");
  return free.sort((a, b) => asks(b) - asks(a)).map(({ id }) => id);
}

function usesGradients(needs: ReadonlySet<keyof Evidence>): boolean {
  return needs.has("guidedGradients") || gradientsFor(needs) !== false;
}

/** The backward passes that the evidence needs. */
function gradientsFor(needs: ReadonlySet<keyof Evidence>): boolean | GradientReduction {
  const reduced = reducedNeed(needs);
  if (reduced === undefined) return needsWholeGradients(needs);
  return reduced === "gradientMeans" ? meansOverCells : sumOverChannels(reduced, productTerms[reduced]);
}

/** For each detection level: the layers that "auto" selects. */
function autoLayers(loaded: LoadedModel, method: AnyCamMethod): Layer[][] {
  const { head, layers, model } = loaded;
  const own = head.levels.map(({ inputs }) =>
    inputs.map(
      (input) => layers.find((layer) => layer.value === input) ?? { index: undefined, name: input, value: input },
    ),
  );
  const auto = method.auto ?? "level";
  const isFused = auto === "taps" || auto === "taps-fast";
  // For a classifier every other method reads the last maps before the pooling, as in the literature.
  if (auto === "level" || !(head.hasCells || (isFused && head.kind === "classifier"))) return own;
  const taps = findTaps(model.graph, head, layers);
  return head.levels.map(({ stride }, level) => {
    const found =
      auto === "stage"
        ? [stageOf(taps, stride)]
        : auto === "deepest"
          ? [taps.stages.at(-1)]
          : depths(taps, level, auto);
    const known = found.filter((layer) => layer !== undefined);
    return known.length > 0 ? known : own[level]!;
  });
}

/**
 * The backbone's last map with the stride of the level that found the detection. The deepest map is as good for large objects, but does not
 * resolve small ones. Maps of the neck are less faithful than both: docs/faithfulness.md.
 */
function stageOf({ stages }: Taps, stride: number): Layer | undefined {
  return stages.find((stage) => stage.stride === stride) ?? stages.at(-1);
}

/**
 * The taps of tap fusion: the backbone stages of stride 8 and 16, the deepest stage, the neck's first block, and the input of the last block
 * before the head. "taps-fast" leaves out the two most expensive ones: stride 8 and the last block.
 */
function depths(
  { stages, neck, lastBlocks }: Taps,
  level: number,
  choice: "taps" | "taps-fast",
): (Layer | undefined)[] {
  const fast = choice === "taps-fast";
  const deepest = stages.at(-1);
  const middle = stages.filter((stage) => stage.stride === 16 || (!fast && stage.stride === 8));
  const all = [...middle, deepest, neck, ...(fast ? [] : [lastBlocks[level]])];
  return all.filter((layer, i) => all.findIndex((other) => other?.value === layer?.value) === i);
}
