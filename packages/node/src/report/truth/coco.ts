import { readFile, stat } from "node:fs/promises";
import { WhyboxError } from "@whybox/core";
import { z } from "zod";
import { count } from "../../words.js";
import type { TruthObject } from "./judge.js";
import type { Truth } from "./truth.js";

/** Maximum size of the file, because a JavaScript string cannot be longer. */
const MAX_BYTES = 512 * 2 ** 20;

const id = z.union([z.int(), z.string()]);
const schema = z.object({
  images: z.array(
    z.object({ id, file_name: z.string().min(1), width: z.number().optional(), height: z.number().optional() }),
  ),
  annotations: z.array(
    z.object({
      image_id: id,
      category_id: id,
      bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]),
      iscrowd: z.union([z.int(), z.boolean()]).optional(),
    }),
  ),
  categories: z.array(z.object({ id, name: z.string() })),
});

/**
 * Ground truth in COCO's format (cocodataset.org, "Data format": images, annotations with `bbox` [x, y, width, height], categories). Categories
 * are matched to the model's classes by name. Images are matched by the end of their path.
 * @throws bad-input, limit
 */
export async function readCocoTruth(path: string, classes: readonly string[]): Promise<Truth> {
  const { images, annotations, categories } = await parse(path);
  const classOf = new Map(categories.map((category) => [category.id, classes.indexOf(category.name)]));
  const byImage = new Map<number | string, typeof annotations>();
  for (const annotation of annotations) {
    const others = byImage.get(annotation.image_id);
    if (others === undefined) byImage.set(annotation.image_id, [annotation]);
    else others.push(annotation);
  }
  const byName = new Map(images.map((image) => [image.file_name.replaceAll("\\", "/").replace(/^\.\//, ""), image]));
  const strange = categories.filter(({ name }) => !classes.includes(name)).map(({ name }) => name);
  let unlisted = 0;
  return {
    from: path,
    async objectsOf(source, _location, [height, width]) {
      const image = findImage(byName, source);
      if (image === undefined) {
        unlisted++;
        return undefined;
      }
      const [sx, sy] = [width / (image.width ?? width), height / (image.height ?? height)];
      return (byImage.get(image.id) ?? []).flatMap(({ bbox: [x, y, w, h], category_id, iscrowd }): TruthObject[] => {
        const found = classOf.get(category_id) ?? -1;
        if (found < 0) return [];
        return [
          {
            class: found,
            box: [x * sx, y * sy, (x + w) * sx, (y + h) * sy],
            crowd: iscrowd === 1 || iscrowd === true,
          },
        ];
      });
    },
    notes: () => [
      ...(strange.length === 0 ? [] : [strangeNote(strange)]),
      ...(unlisted === 0
        ? []
        : [`${count(unlisted, "image is", "images are")} not listed in the ground truth and not compared.`]),
    ],
  };
}

function strangeNote(names: readonly string[]): string {
  const some = names.slice(0, 8).map((name) => `"${name}"`);
  const more = names.length > some.length ? ` and ${names.length - some.length} more` : "";
  return `The model does not have the ground truth's class ${some.join(", ")}${more}. Objects of such classes are ignored.`;
}

/** Finds the entry with the longest common end of the source's path. */
function findImage<T>(byName: ReadonlyMap<string, T>, source: string): T | undefined {
  const parts = source.replaceAll("\\", "/").split("/");
  for (let from = 0; from < parts.length; from++) {
    const found = byName.get(parts.slice(from).join("/"));
    if (found !== undefined) return found;
  }
  return byName.get(source);
}

async function parse(path: string): Promise<z.infer<typeof schema>> {
  let data: unknown;
  try {
    const { size } = await stat(path);
    if (size > MAX_BYTES)
      throw new WhyboxError(
        "limit",
        `${path} has ${Math.round(size / 2 ** 20)} MB. The limit for ground truth is ${MAX_BYTES / 2 ** 20} MB. Remove data other than boxes, for example segmentations.`,
      );
    data = JSON.parse(await readFile(path, "utf8"));
  } catch (cause) {
    if (cause instanceof WhyboxError) throw cause;
    const words = cause instanceof Error ? cause.message : String(cause);
    throw new WhyboxError("bad-input", `The ground truth ${path} cannot be read: ${words}`, { cause });
  }
  const found = schema.safeParse(data);
  if (found.success) return found.data;
  const [issue] = found.error.issues;
  throw new WhyboxError(
    "bad-input",
    `${path} is not ground truth in COCO's format (${issue?.path.join(".")}: ${issue?.message}). Expected images, annotations and categories.`,
    { cause: found.error },
  );
}
