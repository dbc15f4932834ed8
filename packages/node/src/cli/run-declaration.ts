import type { AnyCamMethod } from "@whybox/core";
import type { Command } from "commander";
import { declareFlags } from "./flags.js";
import { runFlags } from "./run-options.js";

/** Declares the arguments and options of `whybox run`. */
export function declareRun(command: Command, methods: readonly AnyCamMethod[]): Command {
  command
    .summary("explain many sources into one folder, resumable after a crash")
    .description(
      "Explains every source and writes the results into one folder, line by line, for the report and for programs (docs/runs.md).\n" +
        "A source is an image, a folder, a quoted glob, an http(s) URL, a list (.txt, COCO .json, YOLO .yaml), - (a list on stdin,\n" +
        "one source per line), a video, a stream (rtsp://…), or a camera (/dev/video0). With --resume, sources are optional.",
    );
  return declareFlags(command, runFlags, methods).addHelpText("after", examples);
}

const examples = `
Examples:
  whybox run photos --recursive --out night
  whybox run --out night --resume
  whybox run data.yaml --split val --weights best.onnx --method GradCAM --out val --parquet
  whybox run clip.mp4 --vid-stride 5 --out clip
  find . -name "*.jpg" | whybox run - --out night

A stopped or crashed run continues with --resume. No source is lost, and none is explained twice.`;
