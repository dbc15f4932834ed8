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
  subjectOptions(command, choices);
  methodOptions(command, choices);
  detectionOptions(command);
  outputOptions(command, choices);
  return command.addHelpText("after", explainExamples);
}

/** @param many whether these are the options of a run over many pictures: those that ask about one are left out. */
export function subjectOptions(command: Command, choices: Choices, many = false): void {
  command.optionsGroup("What is explained:");
  command
    .option(
      "--weights <file|url|name>",
      "ONNX model, YOLO checkpoint (.pt), TF.js model, their address, or the name of known weights",
      "yolov5s",
    )
    .option("--names <file>", "class names: a text file, one a line, or a YOLO data.yaml; default: those in the model")
    .option("--class-names <name...>", "only detections of these classes")
    .option(
      "--per <image|class|detection>",
      `one heatmap for the picture, or one for each class or detection, each in a file of its own${many ? "" : ", and all on a contact sheet"}; default: ${many ? "detection" : "image"}`,
    )
    .option("--per-detection", "short for --per detection");
  if (!many) askOptions(command);
  command
    .option("--versus <class>", "why this class and not that one? Explains the difference of the two")
    .option(
      "--backprop <item...>",
      `what is differentiated, averaged: ${choices.scores.join(", ")}; default: what the method says, mostly class`,
    )
    .option("--backward-per-class", "one pass for each class, averaged")
    .option("--topk <n>", "prediction rows around each box that carry the score", "10");
}

function askOptions(command: Command): void {
  command
    .option(
      "--box <x1 y1 x2 y2...>",
      "why not? Asks about a box in pixels of the picture (left, top, right, bottom), detected or not: what speaks for a --class there, and why it was or was not detected; for one picture",
    )
    .option("--class <name>", "the class that --box is asked about");
}

export function methodOptions(command: Command, choices: Choices): void {
  command.optionsGroup("How it is explained:");
  const methods = choices.methods.map((method) => method.id).join(", ");
  command
    .option(
      "--method <name>",
      `how the heatmap is made (whybox methods tells more): ${methods}; default: GradCAM, and tap-fusion per detection and with --box`,
    )
    .option(
      "--layer <index|name|auto...>",
      "layers to look at, averaged or, by some methods, fused; negative counts from the end; auto: for each detection those that suit its level and the method",
      ["auto"],
    )
    .option("--scale <each|common>", "each map of --per to its own maximum, or all to the largest of all", "each")
    .option("--eigen-smooth", "the first principal component of the channels' parts instead of their sum: less noise")
    .option("--aug-smooth", "the mean over six views of the picture: mirrored or not, darker and brighter")
    .option("--keep-only-topk <percent>", "only so many percent of the pixels, the hottest", "100")
    .option("--samples <n>", "masks, noise samples or steps of methods that take some; default: the method's own")
    .option(
      "--ablate-to <zero|mean>",
      "what a channel becomes that AblationCAM takes away: zero, or its mean over the cells; default: zero",
    )
    .option("--seed <n>", "of everything random", "0")
    .option("--compat", "the numbers of pytorch-grad-cam where Whybox differs by default");
}

export function detectionOptions(command: Command, many = false): void {
  command.optionsGroup("Detection:");
  command
    .option("--imgsz <size...>", "input size: one number, or height and width; default: the model's own, or 640")
    .option(
      "--input-range <1|255>",
      "largest value of the pixels that the model takes; default: as its graph tells, else 1",
    )
    .option(
      "--input-channels <rgb|bgr>",
      "order of the channels that the model takes; default: as its graph tells, else rgb",
    )
    .option(
      "--padding <centre|end>",
      "grey around the picture, or at its right and bottom only; default: centre, and end for a YOLOX",
    )
    .option("--conf <0..1>", "least confidence of a box", "0.25")
    .option("--iou <0..1>", "overlap above which the weaker of two boxes goes", "0.45")
    .option("--max-det <n>", "most boxes kept", "1000")
    .option("--agnostic-nms", "boxes of different classes compete too");
  if (!many) command.option("--require-detections", "exit code 5 when nothing is detected in a picture");
  command
    .option("--device <name>", `where the model runs: ${devices.join(", ")}`, "cpu")
    .option("--threads <n>", `threads inside one operation; default: ${many ? "1, in each worker" : "the cores"}`);
}

function outputOptions(command: Command, choices: Choices): void {
  command.optionsGroup("Output:");
  command
    .option("--out <dir>", "folder for the results; default: a new runs/explain/exp, exp2, …")
    .option("--save <kind...>", `files for each picture: ${saveKinds.join(", ")}`, ["png", "json"]);
  drawOptions(command, choices);
  command
    .option("--json", "print the results as one JSON document, and nothing else")
    .option("--quiet", "print errors only");
}

export function drawOptions(command: Command, choices: Choices): void {
  command
    .option("--frame <frame>", `pixels of the saved heatmap: ${frames.join(" or ")}`, "image")
    .option("--colormap <name>", `colours: ${choices.colormaps.join(", ")}`, choices.colormaps[0])
    .option("--opacity <0..1>", "how strongly the heatmap covers the picture", "0.5")
    .option("--hide-boxes", "no boxes in the picture")
    .option("--hide-labels", "no labels in the picture")
    .option("--side-by-side", "the picture without the heatmap beside the one with it")
    .option(
      "--crop",
      "in place of the heatmap: the picture with its mean colour wherever there is heat (much, without --keep-only-topk)",
    )
    .option("--crop-keep", "the opposite: the picture only where there is heat");
}

const explainExamples = `
Examples:
  whybox explain dog.jpg
  whybox explain photos --out results --save png npy json
  whybox explain "photos/**/*.jpg" --class-names dog person
  whybox explain dog.jpg --weights best.onnx --layer 17 20 23
  whybox explain --layer -2 -- dog.jpg
  whybox explain dog.jpg --per-detection
  whybox explain dog.jpg --class-names dog --versus cat
  whybox explain dog.jpg --box 400 350 640 540 --class person
  whybox explain dog.jpg --class-names dog --method LayerCAM --keep-only-topk 10 --crop
  whybox explain https://example.org/dog.jpg --json

Options that take several values (--layer, --class-names, --backprop, --box, --imgsz, --save) take every word up to the next
option: put sources before them, or after "--".`;
