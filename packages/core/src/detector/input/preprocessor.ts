import { WhyboxError } from "../../errors.js";
import type { Size } from "../../image/frame.js";
import type { Fit } from "../../image/letterbox.js";

/** One number for each channel, in the order of the model's channels. */
export type PerChannel = readonly [number, number, number];

/** What a `preprocessor_config.json` of Hugging Face says. An entry is undefined if the file does not say it. */
export interface Preprocessor {
  readonly fit: Fit | undefined;
  readonly crop: number | undefined;
  /** Input size `[h, w]` for a model that accepts any. */
  readonly size: Size | undefined;
  readonly range: 1 | 255 | undefined;
  readonly mean: PerChannel | undefined;
  readonly std: PerChannel | undefined;
  readonly channels: "rgb" | "bgr" | undefined;
}

/** Maximum side of a size in the file. */
const MAX_SIDE = 16_384;

/** ConvNeXT's processor cuts this share out of images for inputs below 384, if the file does not say another. */
const CONVNEXT_CROP = 224 / 256;

/**
 * Reads the content of a `preprocessor_config.json`, as the image processors of Transformers do.
 * @throws bad-input when an entry has a wrong type or is out of range.
 */
export function readPreprocessor(content: unknown): Preprocessor {
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw wrong("content", content, "an object");
  }
  const entries = content as Readonly<Record<string, unknown>>;
  const isOn = (key: string, otherwise: boolean): boolean => {
    const value = Object.hasOwn(entries, key) ? entries[key] : undefined;
    if (value === undefined || value === null) return otherwise;
    if (typeof value !== "boolean") throw wrong(key, value, "true or false");
    return value;
  };
  const hasMean = "image_mean" in entries || "image_std" in entries;
  const normalises = isOn("do_normalize", hasMean);
  const factor = isOn("do_rescale", true) ? numberIn(entries, "rescale_factor", 1 / 255) : 1;
  // A factor other than 1/255 becomes part of mean and standard deviation.
  const range = factor === 1 ? 255 : 1;
  const gain = factor === 1 ? 1 : factor * 255;
  const mean = (normalises ? triple(entries, "image_mean") : undefined) ?? [0, 0, 0];
  const std = (normalises ? triple(entries, "image_std") : undefined) ?? [1, 1, 1];
  if (std.some((one) => one <= 0)) throw wrong("image_std", std, "numbers above 0");
  const scaled = (values: PerChannel): PerChannel => [values[0] / gain, values[1] / gain, values[2] / gain];
  return {
    ...fitOf(entries, isOn),
    range,
    mean: scaled(mean),
    std: scaled(std),
    channels: isOn("do_flip_channel_order", false) ? "bgr" : undefined,
  };
}

function fitOf(
  entries: Readonly<Record<string, unknown>>,
  isOn: (key: string, otherwise: boolean) => boolean,
): Pick<Preprocessor, "fit" | "crop" | "size"> {
  if (!isOn("do_resize", true)) return { fit: undefined, crop: undefined, size: undefined };
  const resize = sizeIn(entries, "size");
  const cut = isOn("do_center_crop", "crop_size" in entries) ? sizeIn(entries, "crop_size") : undefined;
  if (cut !== undefined) {
    const [h, w] = "shortest" in cut ? [cut.shortest, cut.shortest] : [cut.height, cut.width];
    const from =
      resize === undefined ? h : "shortest" in resize ? resize.shortest : Math.min(resize.height, resize.width);
    return { fit: "crop", crop: Math.min(1, Math.min(h, w) / from), size: [h, w] };
  }
  if (resize === undefined) return { fit: undefined, crop: undefined, size: undefined };
  if (!("shortest" in resize)) return { fit: "stretch", crop: undefined, size: [resize.height, resize.width] };
  const { shortest, hasLongest } = resize;
  if (/ConvNext/i.test(String(entries.image_processor_type ?? entries.feature_extractor_type ?? ""))) {
    const crop = numberIn(entries, "crop_pct", CONVNEXT_CROP);
    const size: Size = [shortest, shortest];
    return shortest < 384 ? { fit: "crop", crop: Math.min(1, crop), size } : { fit: "stretch", crop: undefined, size };
  }
  return { fit: hasLongest ? "letterbox" : undefined, crop: undefined, size: undefined };
}

type NamedSize =
  | { readonly height: number; readonly width: number }
  | { readonly shortest: number; readonly hasLongest: boolean };

/** A size: one number, which scales the shorter side, or an object. */
function sizeIn(entries: Readonly<Record<string, unknown>>, key: string): NamedSize | undefined {
  const value = Object.hasOwn(entries, key) ? entries[key] : undefined;
  if (value === undefined || value === null) return undefined;
  if (typeof value === "number") return { height: side(key, value), width: side(key, value) };
  if (typeof value !== "object") throw wrong(key, value, "a number, or an object with height and width");
  const { height, width, shortest_edge: shortest, longest_edge: longest } = value as Readonly<Record<string, unknown>>;
  if (height !== undefined && width !== undefined) return { height: side(key, height), width: side(key, width) };
  if (shortest !== undefined) return { shortest: side(key, shortest), hasLongest: longest !== undefined };
  return undefined;
}

function side(key: string, value: unknown): number {
  if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_SIDE) return value as number;
  throw wrong(key, value, `whole numbers from 1 to ${MAX_SIDE}`);
}

function numberIn(entries: Readonly<Record<string, unknown>>, key: string, otherwise: number): number {
  const value = Object.hasOwn(entries, key) ? entries[key] : undefined;
  if (value === undefined || value === null) return otherwise;
  if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
  throw wrong(key, value, "a number above 0");
}

function triple(entries: Readonly<Record<string, unknown>>, key: string): PerChannel | undefined {
  const value = Object.hasOwn(entries, key) ? entries[key] : undefined;
  if (value === undefined || value === null) return undefined;
  const isTriple = Array.isArray(value) && value.length === 3 && value.every((one) => Number.isFinite(one));
  if (isTriple) return value as unknown as PerChannel;
  throw wrong(key, value, "three numbers");
}

function wrong(key: string, value: unknown, expected: string): WhyboxError {
  const found = (JSON.stringify(value) ?? String(value)).slice(0, 64);
  return new WhyboxError(
    "bad-input",
    `preprocessor_config.json: "${key}" is ${found}; expected ${expected}. Correct the file, or remove it and set the input's options.`,
    { details: { key } },
  );
}
