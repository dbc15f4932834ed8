import { broken } from "./broken.js";
import type { TorchModule } from "./module.js";
import type { ModuleCall } from "./module-context.js";
import type { Feature } from "./network-writer.js";
import { floatsOfTensor, TorchTensor } from "./tensor.js";
import type { TorchHead } from "./torch-head.js";
import { decodeBoxes, decodeKeypoints, decodeRotated, expectedDistance, grid } from "./ultralytics-decode.js";

const MAX_CLASSES = 2 ** 16;
const MAX_EXTRA = 4096;
const MAX_LEVELS = 16;
const MAX_BINS = 256;

/** Class of the head → its task. Those with 26 decode keypoints, angles and prototypes differently. */
const TASKS: ReadonlyMap<string, "detect" | "segment" | "pose" | "obb"> = new Map([
  ["Detect", "detect"],
  ["v10Detect", "detect"],
  ["Segment", "segment"],
  ["Segment26", "segment"],
  ["Pose", "pose"],
  ["Pose26", "pose"],
  ["OBB", "obb"],
  ["OBB26", "obb"],
]);

/** Parts of such a head. Each may have a copy for one-to-one matching. Only training uses the last two. */
const PARTS = ["cv2", "cv3", "cv4", "cv4_kpts", "cv4_sigma"];

interface Facts {
  readonly module: TorchModule;
  readonly task: "detect" | "segment" | "pose" | "obb";
  /** Whether it is a head of YOLO26. */
  readonly is26: boolean;
  readonly classCount: number;
  /** Number of bins of each distance's distribution. 1 when distances are predicted directly. */
  readonly bins: number;
  readonly strides: readonly number[];
  /** Whether the one-to-one branch is used. It needs no NMS, and its boxes are corners. */
  readonly end2end: boolean;
  /** Number of channels after the classes: mask coefficients, keypoint values, or the angle. */
  readonly extra: number;
  /** Number of keypoints, and number of values of each: x, y and optionally visibility. */
  readonly keypoints: readonly [number, number] | undefined;
}

/** Whether the module is a head of Ultralytics' YOLO models: detection, segmentation, pose, oriented boxes. */
export function isUltralyticsHead({ type }: TorchModule): boolean {
  return /^ultralytics\.nn\.modules(\.head)?$/.test(type.module) && TASKS.has(type.name);
}

/**
 * Reads a head of Ultralytics' YOLO models. Uses the one-to-one branch if there is one (YOLOv10, YOLO26), unless
 * the checkpoint disables it.
 *
 * @throws bad-input; unsupported-model when it has unknown parts.
 */
export function readUltralyticsHead(module: TorchModule): TorchHead {
  module.expectOnly(...PARTS.flatMap((name) => [name, `one2one_${name}`]), "dfl", "proto", "flow_model");
  const facts = factsOf(module);
  const metadata = new Map([
    ["task", facts.task],
    ["head", module.type.name],
    ["channels", "3"],
    ["end2end", facts.end2end ? "True" : "False"],
  ]);
  if (facts.keypoints !== undefined) metadata.set("kpt_shape", `[${facts.keypoints.join(", ")}]`);
  return { strides: facts.strides, metadata, write: (call) => write(call, facts) };
}

function factsOf(module: TorchModule): Facts {
  const task = TASKS.get(module.type.name)!;
  const keypoints = task === "pose" ? keypointsOf(module) : undefined;
  const extra = {
    detect: () => 0,
    segment: () => module.count("nm", MAX_EXTRA),
    obb: () => module.count("ne", 1),
  };
  return {
    module,
    task,
    is26: module.type.name.endsWith("26"),
    classCount: module.count("nc", MAX_CLASSES),
    bins: module.count("reg_max", MAX_BINS),
    strides: stridesOf(module),
    end2end: module.childOrNone("one2one_cv2") !== undefined && module.flag("_end2end", true),
    extra: task === "pose" ? keypoints![0] * keypoints![1] : extra[task](),
    keypoints,
  };
}

function keypointsOf(module: TorchModule): [number, number] {
  const shape = module.attribute("kpt_shape");
  const [count, values] = Array.isArray(shape) && shape.length === 2 ? shape : [];
  const isCount = typeof count === "number" && Number.isInteger(count) && count >= 1 && count <= MAX_EXTRA / 3;
  if (isCount && (values === 2 || values === 3)) return [count, values];
  throw module.odd("kpt_shape", "the number of keypoints, and 2 or 3 for the values of each");
}

function stridesOf(module: TorchModule): number[] {
  const tensor = module.attribute("stride");
  const strides = tensor instanceof TorchTensor && tensor.count <= MAX_LEVELS ? [...floatsOfTensor(tensor)] : [];
  if (strides.length > 0 && strides.every((stride) => Number.isInteger(stride) && stride >= 1)) return strides;
  throw module.odd("stride", `a tensor of 1 to ${MAX_LEVELS} whole numbers`, tensor);
}

/**
 * Writes the head: output "output0" `[batch, 4+K(+extra), A]`, one column for each cell, level by level: box in input
 * pixels (centre and size, or corners of the one-to-one branch; oriented boxes have centre and size always), class
 * probabilities, then mask coefficients, keypoints or the angle. Prototypes of masks are "output1" `[batch, masks, h, w]`.
 */
function write(call: ModuleCall, facts: Facts): void {
  const { inputs, writer } = call;
  const { classCount, bins, end2end, extra, is26, task } = facts;
  if (inputs.length !== facts.strides.length) {
    throw broken(`${call.module.label} is given ${inputs.length} inputs for ${facts.strides.length} levels`);
  }
  const name = (part: string) => (end2end ? `one2one_${part}` : part);
  const raw = joined(call, name("cv2"), inputs, 4 * bins);
  const scores = joined(call, name("cv3"), inputs, classCount);
  const more = extra === 0 ? undefined : extraOf(call, facts, name);
  const cells = grid(call, facts.strides);
  const distances = bins === 1 ? raw : expectedDistance(call, raw, bins);
  const angle = task === "obb" ? angleOf(call, more!, is26) : undefined;
  const boxes = angle ? decodeRotated(call, distances, angle, cells) : decodeBoxes(call, distances, cells, end2end);
  const probabilities = call.op("Sigmoid", [scores.value], classCount);
  const behind = task === "pose" ? decodeKeypoints(call, more!, facts.keypoints!, cells, is26) : (angle ?? more);
  const columns = [boxes, probabilities, ...(behind === undefined ? [] : [behind])];
  const values = columns.map(({ value }) => value);
  const { builder } = writer;
  builder.node("Concat", values, ["output0"], { axis: 1 }, writer.numbered(`${call.scope}/Concat`));
  builder.output("output0", ["batch", 4 + classCount + extra, "anchors"]);
  if (task !== "segment") return;
  const prototypes = call.call("proto", ...(is26 ? inputs : inputs.slice(0, 1)));
  if (prototypes.channels !== extra) throw broken(`${call.module.label} has ${prototypes.channels} masks of ${extra}`);
  builder.node("Identity", [prototypes.value], ["output1"], {}, `${call.scope}/Identity`);
  builder.output("output1", ["batch", extra, "mask_height", "mask_width"]);
}

/** Applies each level's own module and concatenates the cells of all levels along one axis: `[N, channels, A]`. */
function joined(call: ModuleCall, name: string, inputs: readonly Feature[], channels: number): Feature {
  const items = call.module.child(name).items();
  if (items.length !== inputs.length) {
    throw broken(`${call.module.child(name).label} has ${items.length} modules for ${inputs.length} levels`);
  }
  const levels = items.map((item, i) => {
    const y = call.callAs(item, `${name}.${i}`, inputs[i]!);
    if (y.channels !== channels) throw broken(`${item.label} gives ${y.channels} channels, expected ${channels}`);
    return call.op("Reshape", [y.value, call.writer.builder.ints([0, channels, -1])], channels).value;
  });
  return call.op("Concat", levels, channels, { axis: 2 });
}

/** Channels of the third branch. In YOLO26's pose head the last convolution is a separate module. */
function extraOf(call: ModuleCall, { task, is26, extra }: Facts, name: (part: string) => string): Feature {
  if (!(task === "pose" && is26)) return joined(call, name("cv4"), call.inputs, extra);
  const items = call.module.child(name("cv4")).items();
  const features = items.map((item, i) => {
    const x = call.inputs[i];
    if (x === undefined) throw broken(`${item.label} has no input`);
    return call.callAs(item, `${name("cv4")}.${i}`, x);
  });
  return joined(call, name("cv4_kpts"), features, extra);
}

/** The angle in radians: (σ(x) − 1/4)·π. YOLO26 predicts it directly. */
function angleOf(call: ModuleCall, raw: Feature, is26: boolean): Feature {
  if (is26) return raw;
  const { builder } = call.writer;
  const turn = call.op("Sub", [call.op("Sigmoid", [raw.value], 1).value, builder.float(0.25)], 1);
  return call.op("Mul", [turn.value, builder.float(Math.PI)], 1);
}
