import { intAttribute } from "../../onnx/attributes.js";
import { GraphBuilder, type Value } from "../../onnx/builder.js";
import { freshPrefix } from "../../onnx/fresh-prefix.js";
import { indexOf } from "../../onnx/graph.js";
import { DataType, type Graph, type Model } from "../../onnx/model.js";
import type { KnownDims } from "../../onnx/shapes/shape-facts.js";
import { type BackwardModel, type BackwardModelRequest, buildBackwardModel } from "../backward-model.js";
import { floatTwin } from "../float-twin.js";
import { type GradientReduction, reducedGradient, reduceGradients } from "../reduce-gradients.js";
import { CropNodes, type WindowInputs } from "./crop-nodes.js";
import { JoinedModel } from "./joined-model.js";
import { type Area, localStep } from "./local-step.js";
import { type MapFacts, type PixelSize, type SizedFacts, sizedFacts } from "./map-facts.js";
import { findRegion, type Region, type RegionRequest } from "./region.js";

/** `roots` are the values that all gradients flow through. A cell of an output depends on the same cell of a root only. */
export interface WindowedRequest
  extends Pick<BackwardModelRequest, "taps" | "outputs" | "rules">,
    Pick<RegionRequest, "roots" | "block" | "limits"> {
  /** Values that are treated as constants between the outputs and the roots. */
  readonly stops: readonly string[];
  /** Some input size that the model can have. */
  readonly size: PixelSize;
  /** Reduces the gradients, as `reduceGradients` does. Undefined: they are output whole. */
  readonly reduced?: ReducedGradients | undefined;
}

/** A reduction, and for each tap the output of the forward session with its activations. */
interface ReducedGradients {
  readonly reduction: GradientReduction;
  readonly activations: ReadonlyMap<string, string>;
}

/** A backward model that runs the part near its outputs on windows. Its gradients are those of whole maps. */
export interface WindowedModel {
  /** `seeds` of the model take K seeds. The windows say which of them they read. */
  readonly backward: BackwardModel;
  readonly block: number;
  readonly inputs: WindowInputs;
  /** Level → the area that a window needs around a cell at `[i, i]`, in input pixels. */
  readonly areas: ReadonlyMap<number, readonly Area[]>;
  /** Whether all maps of the region have whole pixels per cell for an input of this size, as the windows need. */
  fits(size: PixelSize): boolean;
}

/**
 * Builds a backward model in three parts. From the outputs to the roots it runs on whole maps, with few seeds: those of windows that share no
 * cell are summed. From there it runs on windows, as far as a cell's gradient stays in a small area. The rest runs on whole maps, with one
 * cotangent per window. Undefined if there is no region for windows.
 */
export function buildWindowedModel(deployed: Model, request: WindowedRequest): WindowedModel | undefined {
  const model: Model = { ...deployed, graph: floatTwin(deployed.graph) };
  const { rules, outputs, stops, block } = request;
  const base = { rules, forwardValues: "saved" } as const;
  const values = request.roots.map(({ value }) => value);
  const decode = buildBackwardModel(model, { ...base, taps: values, outputs, stops, manySeeds: true });
  const roots = request.roots.filter(({ value }) => decode.gradients.get(value) !== null);
  const facts = sizedFacts(model.graph, request.size);
  const region = findRegion(model.graph, { ...request, roots, facts });
  if (region === undefined || !decode.manySeeds) return undefined;
  const inner = buildBackwardModel(model, {
    ...base,
    dims: windowDims(facts),
    taps: [...new Set([...region.boundary, ...region.complete])],
    outputs: roots.map(({ value }) => value),
    stops: region.boundary,
    manySeeds: false,
  });
  if (!runsOnCrops(model.graph, inner, facts)) return undefined;
  const boundary = region.boundary.filter((value) => inner.gradients.get(value) !== null);
  const rest = request.taps.filter((tap) => !region.complete.has(tap));
  const deep =
    rest.length === 0 || boundary.length === 0
      ? undefined
      : deepModel(model, { ...base, taps: rest, outputs: boundary, manySeeds: true }, request.reduced);
  if (deep?.manySeeds === false) return undefined;
  const mapOf = (value: string): MapFacts => facts.map(value)!;
  const used = [...region.values, ...cropped(inner), ...shapesOf(inner).values()];
  return {
    ...joined(model, { decode, inner, deep, region, taps: request.taps, reduced: request.reduced, block, mapOf }),
    block,
    areas: region.areas,
    fits: onceFor((size: PixelSize) => {
      const there = sizedFacts(model.graph, size);
      const isSame = (value: string): boolean => {
        const map = there.map(value);
        return map?.stride === mapOf(value).stride && map.channels === mapOf(value).channels;
      };
      return size.every((side) => side % block === 0) && used.every(isSame);
    }),
  };
}

/** The part on whole maps. */
function deepModel(model: Model, request: BackwardModelRequest, reduced: WindowedRequest["reduced"]): BackwardModel {
  const deep = buildBackwardModel(model, request);
  return reduced === undefined ? deep : reduceGradients(deep, reduced.reduction, reduced.activations);
}

/** Computes an answer once for each argument, by its text. */
function onceFor<A, T>(compute: (argument: A) => T): (argument: A) => T {
  const known = new Map<string, T>();
  return (argument) => {
    const key = String(argument);
    const answer = known.has(key) ? known.get(key)! : compute(argument);
    known.set(key, answer);
    return answer;
  };
}

/** The dims of windows: only the number of channels is known. Maps of one stride have the same size. */
function windowDims(facts: SizedFacts): KnownDims {
  return (value) => {
    const map = facts.map(value);
    return map && ["windows", map.channels, `height/${map.stride}`, `width/${map.stride}`];
  };
}

/** Shape inputs of a backward model → the value of the model that has the shape. */
function shapesOf({ forwardNodes }: BackwardModel): Map<string, string> {
  return new Map(forwardNodes.map((node) => [node.outputs[0]!, node.inputs[0]!]));
}

/** The forward values of a backward model that are maps, not shapes. */
function cropped(inner: BackwardModel): string[] {
  const shapes = shapesOf(inner);
  return inner.saved.filter((name) => !shapes.has(name));
}

/** Whether all forward values are float maps, and the ops that run again compute the crop of their outputs. */
function runsOnCrops(graph: Graph, inner: BackwardModel, facts: SizedFacts): boolean {
  const index = indexOf(graph);
  const again = inner.model.graph.nodes.filter((node) => index.producer(node.outputs[0]!) !== undefined);
  const isFloat = (name: string): boolean =>
    inner.model.graph.inputs.some((input) => input.name === name && input.elemType === DataType.FLOAT);
  return (
    again.every((node) => localStep(node, facts)?.pointwise === true) &&
    cropped(inner).every(isFloat) &&
    [...cropped(inner), ...shapesOf(inner).values()].every((value) => facts.map(value) !== undefined)
  );
}

interface Parts {
  readonly decode: BackwardModel;
  readonly inner: BackwardModel;
  readonly deep: BackwardModel | undefined;
  readonly region: Region;
  readonly taps: readonly string[];
  readonly reduced: WindowedRequest["reduced"];
  readonly block: number;
  readonly mapOf: (value: string) => MapFacts;
}

function joined(model: Model, parts: Parts): Pick<WindowedModel, "backward" | "inputs"> {
  const { decode, inner, deep, region, taps, reduced, block, mapOf } = parts;
  const prefix = freshPrefix(model, "whybox/windows/");
  const build = new GraphBuilder(`${prefix}node`);
  const crops = new CropNodes(build, prefix, block);
  const join = new JoinedModel();
  /** Adds the nodes between the parts. */
  const flush = (): void => join.add({ nodes: build.nodes.splice(0), initializers: build.initializers });

  const seeds = new Map([...decode.seeds].map(([value, name]) => [value, join.input(`${prefix}${name}`)]));
  const renamed = new Map([...decode.seeds].map(([value, name]) => [name, seeds.get(value)!]));
  const cotangents = join.addBackward(decode, `${prefix}decode/`, renamed);

  const given = new Map<string, Value>();
  for (const [root, seed] of inner.seeds) given.set(seed, crops.pick(cotangents.get(root)!, mapOf(root)));
  for (const name of cropped(inner)) given.set(join.input(name), crops.crop(name, mapOf(name)));
  for (const node of inner.forwardNodes) {
    const shape = crops.shape(mapOf(node.inputs[0]!));
    const [start, end] = [intAttribute(node, "start", 0), intAttribute(node, "end", 4)];
    given.set(node.outputs[0]!, build.op("Slice", [shape, build.ints([start]), build.ints([end]), build.ints([0])]));
  }
  flush();
  const again = new Set(inner.model.graph.nodes.flatMap((node) => node.outputs));
  const onWindows = join.addBackward(inner, `${prefix}inner/`, given);

  const whole = onceFor((value: string) => crops.spread(onWindows.get(value)!, mapOf(value)));
  const below = new Map([...(deep?.seeds ?? [])].map(([value, seed]) => [seed, whole(value)]));
  const read: string[] = [];
  /** The windows of the activations of a tap. The windows of the region may have them already. */
  const activationsOf = (tap: string, name: string): Value => {
    if (again.has(tap)) return `${prefix}inner/${tap}`;
    if (given.has(tap)) return given.get(tap)!;
    read.push(join.input(name));
    return crops.crop(name, mapOf(tap));
  };
  const finish = (tap: string): Value => {
    if (reduced === undefined) return whole(tap);
    const { reduction, activations } = reduced;
    if (!reduction.readsActivations) {
      return reducedGradient(build, reduction, { gradient: whole(tap), activations: tap });
    }
    const values = { gradient: onWindows.get(tap)!, activations: activationsOf(tap, activations.get(tap)!) };
    return reducedGradient(build, reduction, values, (cells) => crops.spread(cells, { ...mapOf(tap), channels: 1 }));
  };
  const complete = new Map([...region.complete].filter((tap) => onWindows.has(tap)).map((tap) => [tap, finish(tap)]));
  flush();
  const onMaps = deep === undefined ? new Map() : join.addBackward(deep, `${prefix}deep/`, below);

  const gradientOf = (tap: string): Value | null => (region.complete.has(tap) ? complete : onMaps).get(tap) ?? null;
  const gradients = new Map(taps.map((tap) => [tap, gradientOf(tap)]));
  const { sizes, ...indices } = crops.inputs;
  join.input(sizes, DataType.INT64);
  for (const names of Object.values(indices)) for (const name of names.values()) join.input(name, DataType.INT32);
  const passes = deep === undefined ? [decode] : [decode, deep];
  const backward: BackwardModel = {
    model: join.build(
      model,
      [...gradients.values()].filter((value) => value !== null),
    ),
    saved: [...new Set([...passes.flatMap((pass) => pass.saved), ...cropped(inner), ...read])],
    forwardNodes: passes.flatMap((pass) => pass.forwardNodes),
    seeds,
    gradients,
    manySeeds: true,
  };
  return { backward, inputs: crops.inputs };
}
