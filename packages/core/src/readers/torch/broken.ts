import { WhyboxError } from "../../errors.js";

/** A bad-input error about the file as a whole; `found` says where and what. */
export function broken(found: string, details: Readonly<Record<string, unknown>> = {}): WhyboxError {
  return new WhyboxError(
    "bad-input",
    `Cannot read the PyTorch file: ${found}. It may be cut short or damaged: copy it again, or save it again with torch.save.`,
    { details },
  );
}

/** A file that is sound but not one that this reader takes; `advice` is what to do, as a sentence. */
export function unsupported(
  found: string,
  advice: string,
  details: Readonly<Record<string, unknown>> = {},
): WhyboxError {
  return new WhyboxError("unsupported-model", `${found} ${advice}`, { details });
}

/** What to do with a model that is not built here. */
export const EXPORT_ADVICE =
  "Export it to ONNX with the tools that it was trained with (for Ultralytics: yolo export model=best.pt format=onnx; for YOLOv5: python export.py --weights best.pt --include onnx) and pass that file.";
