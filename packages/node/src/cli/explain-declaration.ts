import type { Command } from "commander";
import type { Choices } from "./context.js";
import { devices, frames, saveKinds } from "./explain-options.js";

/**
 * Declares the arguments and options of `whybox explain`. Values stay texts here; `explainOptionsSchema` reads them, so
 * that all of them are checked in one place and reported together.
 */
export function declareExplain(command: Command, choices: Choices): Command {
  command
    .summary("explain the detections in pictures with heatmaps")
    .description(
      "Detects objects in each picture and shows with a heatmap what the network looked at.\n" +
        "A source is a file, a folder (its pictures, not the folders below it), a quoted glob or an http(s) URL.",
    );
  modelOptions(command, choices);
  detectionOptions(command);
  outputOptions(command, choices);
  return command.addHelpText("after", explainExamples);
}

function modelOptions(command: Command, choices: Choices): void {
  command.optionsGroup("What is explained:");
  command
    .option("--weights <file|name>", "ONNX model, or the name of known weights", "yolov5s")
    .option("--names <file>", "class names: a text file, one a line, or a YOLO data.yaml; default: those in the model")
    .option("--method <name>", `how the heatmap is made: ${choices.methods.join(", ")}`, choices.methods[0])
    .option(
      "--layer <index|name|auto...>",
      "layers to look at, averaged; negative counts from the end; auto: for each detection the layer that its level reads",
      ["auto"],
    )
    .option("--class-names <name...>", "only detections of these classes")
    .option("--backprop <item...>", `what is differentiated, averaged: ${choices.scores.join(", ")}`, [
      choices.scores[0]!,
    ])
    .option("--backward-per-class", "one pass for each class, averaged")
    .option("--topk <n>", "prediction rows around each box that carry the score", "10");
}

function detectionOptions(command: Command): void {
  command.optionsGroup("Detection:");
  command
    .option("--imgsz <size...>", "input size: one number, or height and width; default: the model's own, or 640")
    .option("--conf <0..1>", "least confidence of a box", "0.25")
    .option("--iou <0..1>", "overlap above which the weaker of two boxes goes", "0.45")
    .option("--max-det <n>", "most boxes kept", "1000")
    .option("--agnostic-nms", "boxes of different classes compete too")
    .option("--require-detections", "exit code 5 when nothing is detected in a picture")
    .option("--device <name>", `where the model runs: ${devices.join(", ")}`, "cpu")
    .option("--threads <n>", "threads inside one operation; default: the cores");
}

function outputOptions(command: Command, choices: Choices): void {
  command.optionsGroup("Output:");
  command
    .option("--out <dir>", "folder for the results; default: a new runs/explain/exp, exp2, …")
    .option("--save <kind...>", `files for each picture: ${saveKinds.join(", ")}`, ["png", "json"])
    .option("--frame <frame>", `pixels of the saved heatmap: ${frames.join(" or ")}`, "image")
    .option("--colormap <name>", `colours: ${choices.colormaps.join(", ")}`, choices.colormaps[0])
    .option("--opacity <0..1>", "how strongly the heatmap covers the picture", "0.5")
    .option("--hide-boxes", "no boxes in the picture")
    .option("--hide-labels", "no labels in the picture")
    .option("--side-by-side", "the picture without the heatmap beside the one with it")
    .option("--json", "print the results as one JSON document, and nothing else")
    .option("--quiet", "print errors only");
}

const explainExamples = `
Examples:
  whybox explain dog.jpg
  whybox explain photos --out results --save png npy json
  whybox explain "photos/**/*.jpg" --class-names dog person
  whybox explain dog.jpg --weights best.onnx --layer 17 20 23
  whybox explain --layer -2 -- dog.jpg
  whybox explain https://example.org/dog.jpg --json

Options that take several values (--layer, --class-names, --backprop, --imgsz, --save) take every word up to the next
option: put sources before them, or after "--".`;
