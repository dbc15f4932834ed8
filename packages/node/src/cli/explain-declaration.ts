import type { AnyCamMethod } from "@whybox/core";
import type { Command } from "commander";
import { explainFlags } from "./explain-options.js";
import { declareFlags, greedyFlags } from "./flags.js";

export function declareExplain(command: Command, methods: readonly AnyCamMethod[]): Command {
  command
    .summary("explain the detections in images with heatmaps")
    .description(
      "Detects objects in each image and shows with heatmaps what each detection depends on.\n" +
        "A source is an image, a folder (without subfolders), a quoted glob or an http(s) URL. Videos, streams (rtsp://…),\n" +
        "cameras (/dev/video0), lists (.txt, COCO .json, YOLO .yaml, - for stdin) and more than 100 images are explained as\n" +
        "whybox run does: into the same output folder, line by line, without a document for each image.",
    );
  return declareFlags(command, explainFlags, methods).addHelpText("after", explainExamples);
}

const explainExamples = `
Examples:
  whybox explain dog.jpg
  whybox explain photos --out results --save png npy json
  whybox explain "photos/**/*.jpg" --class-names dog person
  whybox explain dog.jpg --weights best.onnx --layer 17 20 23
  whybox explain --layer -2 -- dog.jpg
  whybox explain dog.jpg --per image --show
  whybox explain clip.mp4 --vid-stride 5 --max-frames 100
  whybox explain dog.jpg --class-names dog --versus cat
  whybox explain dog.jpg --box 400 350 640 540 --class person
  whybox explain dog.jpg --class-names dog --method LayerCAM --keep-only-topk 10 --crop
  whybox explain https://example.org/dog.jpg --json

Options that take several values (${greedyFlags(explainFlags).join(", ")})
take every word up to the next option. Put sources before them, or after "--".`;
