import type { Command } from "commander";
import type { Choices } from "./context.js";
import { detectionOptions, drawOptions, methodOptions, subjectOptions } from "./explain-declaration.js";
import { runSaveKinds } from "./run-options.js";

/** Declares the arguments and options of `whybox run`; `runCommandSchema` reads them. */
export function declareRun(command: Command, choices: Choices): Command {
  command
    .summary("explain many sources into one folder that survives crashes")
    .description(
      "Explains every source and writes the results into one folder, line by line, for the report and for programs (docs/runs.md).\n" +
        "A source is a picture, a folder, a quoted glob, an http(s) URL, a list (.txt, COCO .json, YOLO .yaml), - (a list on stdin,\n" +
        "one source a line), a video, a stream (rtsp://…), or a camera (/dev/video0). Sources may be left out with --resume.",
    );
  sourceOptions(command);
  skipMissingOption(command);
  subjectOptions(command, choices, true);
  methodOptions(command, choices);
  detectionOptions(command, true);
  command.optionsGroup("Output:");
  command
    .option("--out <dir>", "the run's folder; needed")
    .option("--resume", "go on with the run in that folder, or begin it when there is none")
    .option("--workers <n>", "threads that each hold the model; default: as many as the cores and the memory allow")
    .option("--parquet", "write detections.parquet at the end, a row for each detection")
    .option("--save <kind...>", `files for each picture: ${runSaveKinds.join(", ")}; default: none, the results only`);
  drawOptions(command, choices);
  command.option("--quiet", "print errors only");
  return command.addHelpText("after", examples);
}

/** What the items of a run are. */
export function sourceOptions(command: Command): void {
  command.optionsGroup("Sources:");
  command
    .option("--recursive", "folders with the folders below them")
    .option("--split <name>", "which part of a YOLO dataset", "val")
    .option("--images <dir>", "folder that the paths in a list start from; default: the list's own")
    .option("--vid-stride <n>", "of videos and streams every n-th frame", "1")
    .option("--map-stride <n>", "of these frames every n-th is explained, and those between carry its maps", "1")
    .option("--max-frames <n>", "of a video or stream so many frames at most; default: all")
    .option("--allow-private", "fetch from addresses of private networks, too");
}

export function skipMissingOption(command: Command): void {
  command.option(
    "--skip-missing",
    "missing files are failures, however many they are; default: the run stops when its sources are gone",
  );
}

const examples = `
Examples:
  whybox run photos --recursive --out night
  whybox run --out night --resume
  whybox run data.yaml --split val --weights best.onnx --method GradCAM --out val --parquet
  whybox run clip.mp4 --vid-stride 5 --out clip
  find . -name "*.jpg" | whybox run - --out night

A run that was stopped by whatever goes on with --resume: no source is lost, and none is done twice.`;
