import { readFile } from "node:fs/promises";
import { join, parse as parsePath, sep } from "node:path";
import { WhyboxError } from "@whybox/core";
import { systemErrorCode } from "../../io/system-error.js";
import { readNames } from "../../models/read-names.js";
import { count } from "../../words.js";
import type { TruthObject } from "./judge.js";
import type { Truth } from "./truth.js";

/** Ground truth in YOLO's label files (docs.ultralytics.com/datasets/detect). Each image has a text file. It is next to the image, or in the
 * folder `labels` that replaces the last `images` of its path. Each line is an object: class, centre x, centre y, width and height in shares
 * of the image, or class and the corners of a polygon. An image without such a file is not compared. An empty file means no objects.
 * @param dataset path of a dataset.yaml with the names of the class numbers. Undefined if the numbers are the model's.
 * @throws bad-input if the dataset.yaml cannot be read.
 */
export async function readYoloTruth(dataset: string | undefined, classes: readonly string[]): Promise<Truth> {
  const names = dataset === undefined ? undefined : await readNames(dataset);
  const classOf = (number: number) =>
    names === undefined ? (number < classes.length ? number : -1) : classes.indexOf(names[number] ?? "");
  let [files, lacking, strange] = [0, 0, 0];
  const bad: string[] = [];
  return {
    from: dataset ?? "label files next to the images",
    async objectsOf(_source, location, size) {
      const label = location === undefined ? undefined : await readLabel(location);
      if (label === undefined) {
        lacking++;
        return undefined;
      }
      const parsed = parseLabel(label.text, size);
      if (parsed === undefined) {
        bad.push(label.path);
        return undefined;
      }
      files++;
      const known = parsed.filter((object) => classOf(object.class) >= 0);
      strange += parsed.length - known.length;
      return known.map((object) => ({ ...object, class: classOf(object.class) }));
    },
    notes: () => [
      ...(files > 0 && lacking > 0
        ? [
            `${count(lacking, "image has", "images have")} no label file and ${lacking === 1 ? "is" : "are"} not compared. An empty label file means no objects.`,
          ]
        : []),
      ...(strange === 0
        ? []
        : [
            `${count(strange, "object", "objects")} of the ground truth ${strange === 1 ? "has a class" : "have classes"} that the model does not have.`,
          ]),
      ...(bad.length === 0
        ? []
        : [
            `${count(bad.length, "text file", "text files")} in the place of YOLO labels cannot be read, for example ${bad[0]}. Expected lines with a class and four numbers from 0 to 1. Their images are not compared.`,
          ]),
    ],
  };
}

/** The possible paths of an image's labels: YOLO's folder first, then next to the image. */
function labelPaths(location: string): readonly string[] {
  const { dir, name } = parsePath(location);
  const parts = dir.split(/[/\\]/);
  const last = parts.lastIndexOf("images");
  const beside = join(dir, `${name}.txt`);
  return last < 0 ? [beside] : [join(parts.with(last, "labels").join(sep), `${name}.txt`), beside];
}

async function readLabel(location: string): Promise<{ path: string; text: string } | undefined> {
  for (const path of labelPaths(location)) {
    try {
      return { path, text: await readFile(path, "utf8") };
    } catch (cause) {
      if (["ENOENT", "ENOTDIR"].includes(systemErrorCode(cause))) continue;
      throw new WhyboxError("bad-input", `The labels ${path} cannot be read (${systemErrorCode(cause)}).`, { cause });
    }
  }
  return undefined;
}

/** Parses a label file. Undefined if the text is invalid. */
function parseLabel(text: string, [height, width]: readonly [number, number]): TruthObject[] | undefined {
  const objects: TruthObject[] = [];
  for (const line of text.split(/\r?\n/)) {
    if (line.trim() === "") continue;
    const [number, ...values] = line.trim().split(/\s+/).map(Number);
    const sound = Number.isInteger(number) && number! >= 0 && values.length >= 4 && values.every(Number.isFinite);
    if (!sound) return undefined;
    const box = boxOf(values);
    if (box === undefined) return undefined;
    const [x1, y1, x2, y2] = box;
    objects.push({ class: number!, box: [x1 * width, y1 * height, x2 * width, y2 * height], crowd: false });
  }
  return objects;
}

/** The box of an object. Four numbers are a box. Lines of poses start with a box too (the third number of each point tells them from polygons). Other lines are polygons. */
function boxOf(values: readonly number[]): readonly [number, number, number, number] | undefined {
  if (values.slice(0, 4).some((value) => value < -0.01 || value > 1.01)) return undefined;
  const isPolygon = values.length >= 6 && values.length % 2 === 0 && values.every((value) => value <= 1.01);
  if (!isPolygon) {
    const [x, y, w, h] = values as [number, number, number, number];
    return [x - w / 2, y - h / 2, x + w / 2, y + h / 2];
  }
  const [xs, ys] = [values.filter((_, i) => i % 2 === 0), values.filter((_, i) => i % 2 === 1)];
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}
