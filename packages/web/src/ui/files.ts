import type { Controller } from "../controller.js";
import type { LiveVideo } from "./live-video.js";

/** The files of a drop or a paste. */
export function filesOf(data: DataTransfer | null): readonly File[] {
  return [...(data?.files ?? [])];
}

/** Models that can be opened. */
const MODEL = /\.(onnx|pt|pth)$/i;
/** Models of other formats. The engine says how to get an ONNX file from them. */
const OTHER_MODEL = /\.(tflite|mlmodel|engine|safetensors|torchscript|param|pdmodel|xml|pb|h5|ort)$/i;

/**
 * Opens files that came together, depending on their extensions and types: a model with the files that hold its weights or describe its images,
 * videos, and photos. Such files may also come after their model.
 */
export function openFiles(controller: Controller, live: LiveVideo, files: readonly File[]): void {
  const media = files.filter(({ type }) => /^(image|video)\//.test(type));
  const rest = files.filter((file) => !media.includes(file));
  const model = rest.findLast(({ name }) => MODEL.test(name)) ?? rest.findLast(({ name }) => OTHER_MODEL.test(name));
  if (model !== undefined) {
    const beside = rest.filter((file) => file !== model);
    void controller.openModel({ kind: "file", file: model, beside });
  } else if (rest.length > 0 && !controller.completeModel(rest)) media.unshift(...rest);
  for (const file of media) {
    if (file.type.startsWith("video/")) void live.file(file);
    else void controller.openPhoto(file.name || "pasted image", file);
  }
}

/** Opens one of the photos that come with the page. */
export async function openSample(controller: Controller, name: string): Promise<void> {
  const answer = await fetch(`./photos/${name}`);
  void controller.openPhoto(name, new File([await answer.blob()], name));
}

/** Saves a file through the browser's download. */
export function save(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
