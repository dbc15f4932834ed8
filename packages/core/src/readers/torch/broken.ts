import { WhyboxError } from "../../errors.js";

/** A bad-input error about the whole file. `found` names the location and the problem. */
export function broken(found: string, details: Readonly<Record<string, unknown>> = {}): WhyboxError {
  return new WhyboxError(
    "bad-input",
    `Cannot read the PyTorch file: ${found}. It may be cut short or damaged: copy it again, or save it again with torch.save.`,
    { details },
  );
}

/** The error for a valid file that this reader does not support. `advice` is a sentence on what to do. */
export function unsupported(
  found: string,
  advice: string,
  details: Readonly<Record<string, unknown>> = {},
): WhyboxError {
  return new WhyboxError("unsupported-model", `${found} ${advice}`, { details });
}

/** Advice for a network that is not supported. */
export const EXPORT_ADVICE =
  "Export it to ONNX with the tools that it was trained with (for Ultralytics: yolo export model=best.pt format=onnx; for YOLOv5: python export.py --weights best.pt --include onnx) and pass that file.";
