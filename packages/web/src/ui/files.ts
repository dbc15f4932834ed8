import type { Controller } from "../controller.js";
import type { LiveVideo } from "./live-video.js";

/** The files of a drop or a paste. */
export function filesOf(data: DataTransfer | null): readonly File[] {
  return [...(data?.files ?? [])];
}

/** Opens a file as a model, a video or a photo, depending on its extension and type. */
export function openFile(controller: Controller, live: LiveVideo, file: File): void {
  if (file.type.startsWith("video/")) void live.file(file);
  else if (/\.(onnx|pt|pth)$/i.test(file.name)) void controller.openModel({ kind: "file", name: file.name, file });
  else void controller.openPhoto(file.name || "pasted image", file);
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
