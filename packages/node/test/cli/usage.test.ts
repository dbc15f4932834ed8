import { describe, expect, it } from "vitest";
import { commandNames } from "../../src/cli/program.js";
import { createWorld, putImages, temporaryFolder } from "./fake-world.js";

async function usage(...argv: string[]): Promise<string> {
  const cwd = await temporaryFolder();
  await putImages(cwd, "a.jpg");
  const run = createWorld({ cwd });
  expect(await run.run(...argv)).toBe(2);
  expect(run.stdout()).toBe("");
  expect(run.calls).toEqual([]);
  return run.stderr();
}

describe("usage errors", () => {
  it.each([
    [["--conf", "1.1"], '--conf: expected a number from 0 to 1, got "1.1".'],
    [["--conf", "-0.1"], '--conf: expected a number from 0 to 1, got "-0.1".'],
    [["--conf", "nan"], '--conf: expected a number from 0 to 1, got "nan".'],
    [["--conf", ""], '--conf: expected a number from 0 to 1, got "".'],
    [["--conf", "0x0"], '--conf: expected a number from 0 to 1, got "0x0".'],
    [["--iou", "Infinity"], '--iou: expected a number from 0 to 1, got "Infinity".'],
    [["--opacity", "2"], '--opacity: expected a number from 0 to 1, got "2".'],
    [["--imgsz", "0"], '--imgsz: expected a whole number from 1 to 8192, got "0".'],
    [["--imgsz", "-640"], '--imgsz: expected a whole number from 1 to 8192, got "-640".'],
    [["--imgsz", "640.5"], '--imgsz: expected a whole number from 1 to 8192, got "640.5".'],
    [["--imgsz", "9000"], '--imgsz: expected a whole number from 1 to 8192, got "9000".'],
    [
      ["--imgsz", "1", "2", "3"],
      "--imgsz: expected one size, or a height and a width. Put sources first, or after --.",
    ],
    [["--max-det", "0"], '--max-det: expected a whole number from 1 to 100000, got "0".'],
    [["--topk", "1e3"], '--topk: expected a whole number from 1 to 10000, got "1e3".'],
    [["--threads", "many"], '--threads: expected a whole number from 1 to 1024, got "many".'],
    [["--device", "gpu"], '--device: expected one of cpu, cuda, coreml, dml, webgpu, got "gpu". Did you mean "cpu"?'],
    [["--frame", "imge"], '--frame: expected one of image, input, got "imge". Did you mean "image"?'],
    [
      ["--colormap", "virdis"],
      'expected one of inferno, magma, viridis, turbo, jet, got "virdis". Did you mean "viridis"?',
    ],
    [["--save", "jpg"], '--save: expected one of png, npy, json, maps, got "jpg". Did you mean "png"?'],
    [
      ["--method", "GradCAN"],
      '--method: There is no method "GradCAN". Did you mean "GradCAM"? Methods: GradCAM, tap-fusion, D-RISE, takes-all.',
    ],
    [["--backprop", "class", "clas"], '--backprop: Unknown backprop item "clas". Valid items: class, confidence'],
    [["--layer", "auto", "17"], '--layer: "auto" cannot be combined with other layers.'],
    [["--layer", ""], '--layer: expected a layer index, a layer name or "auto", got "".'],
    [["--out", " "], '--out: expected a folder, got " ".'],
    [["--weights", "--json"], '--weights: expected a model file or the name of known weights, got "--json".'],
    [["--weights", "--json"], "The option before --json has no value."],
    [["--layer", "--json"], "The option before --json has no value."],
    [["--save", "png", "b.jpg"], "If it is a source, put it first, or after --."],
    [["--colour", "jet"], "unknown option '--colour'"],
    [["--colormaps", "jet"], `unknown option '--colormaps'. Did you mean "--colormap"?`],
  ])("%j", async (argv, expected) => {
    const text = await usage("explain", "a.jpg", ...argv);
    expect(text).toContain(expected);
    expect(text).toMatch(/^error: .*\nSee whybox explain --help\n$/s);
  });

  it.each([
    [["--box", "1", "2", "3", "--class", "dog"], "--box: expected four numbers (left, top, right, bottom)"],
    [["--box", "1", "2", "3", "x", "--class", "dog"], '--box: expected a number from -1000000 to 1000000, got "x".'],
    [["--box", "1", "2", "3", "4"], "--box needs --class. Add the class to explain in the box."],
    [["--class", "dog"], "--class needs --box. Add --box, or use --class-names."],
    [["--box", "3", "2", "1", "4", "--class", "a"], "with left < right and top < bottom, got 3 2 1 4."],
    [["b.jpg", "--box", "1", "2", "3", "4", "--class", "a"], "--box needs a single image, got 2 sources."],
    [["--box", "1", "2", "3", "4", "--class", "a", "--per", "class"], "--box explains one box. Leave --per out."],
    [
      ["--box", "1", "2", "3", "4", "--class", "a", "--per-detection"],
      "--box explains one box. Leave --per-detection out.",
    ],
    [
      ["--box", "1", "2", "3", "4", "--class", "a", "--class-names", "b"],
      "--box names its own class. Leave --class-names out.",
    ],
    [
      ["--box", "1", "2", "3", "4", "--class", "a", "--backward-per-class"],
      "--box explains one class. Leave --backward-per-class out.",
    ],
    [["--per", "box"], '--per: expected one of image, class, detection, got "box".'],
    [
      ["--measure", "--per", "image"],
      "--measure measures the map of one detection. It needs --per detection or --box.",
    ],
    [["--per-detection", "--per", "class"], "--per-detection means --per detection and contradicts --per class."],
    [["--per-detection", "--backward-per-class"], "--per detection makes one map for each. Use one of the two."],
    [
      ["--scale", "common", "--per", "image"],
      "--scale common compares several maps of one image. It needs --per detection or --per class.",
    ],
    [["--scale", "all"], "--scale: expected one of each, common"],
    [["--backprop", "contrast"], "Name the other class with the option --versus."],
    [
      ["--versus", "cat", "--backprop", "class"],
      '--versus names the class that the score "contrast" compares with. Leave --backprop out',
    ],
    [["--versus", "Dog", "--class-names", "dog"], "--versus needs a class other than the explained one, got Dog."],
    [["--versus", ""], "--versus: expected a class name"],
    [
      ["--eigen-smooth", "--method", "tap-fusion"],
      "--eigen-smooth has no meaning for tap-fusion: it has a map that is no sum",
    ],
    [["--eigen-smooth", "--method", "tap-fusion"], "or use GradCAM, takes-all."],
    [
      ["--samples", "5"],
      "--samples has no meaning for tap-fusion, the default here: it takes none. Leave it out, or use",
    ],
    [["--samples", "5"], "or use D-RISE, takes-all."],
    [["--seed", "0"], "--seed has no meaning for tap-fusion, the default here: it draws nothing at random."],
    [["--compat", "--method", "tap-fusion"], "--compat has no meaning for tap-fusion: it has no other numbers for it."],
    [["--ablate-to", "mean"], "--ablate-to has no meaning for tap-fusion, the default here: it removes no channel."],
    [["--ablate-to", "one"], '--ablate-to: expected one of zero, mean, got "one"'],
    [
      ["--ablate-to", "zero", "--compat", "--method", "takes-all"],
      "--compat already sets what replaces a removed channel",
    ],
    [
      ["--layer", "17", "--method", "D-RISE"],
      "--layer has no meaning for D-RISE: it is not read at a layer. Leave it out, or use GradCAM, tap-fusion, takes-all.",
    ],
    [["--input-range", "128"], '--input-range: expected one of 1, 255, got "128".'],
    [["--input-channels", "RGB"], '--input-channels: expected one of rgb, bgr, got "RGB"'],
    [["--fit", "cover"], '--fit: expected one of letterbox, stretch, crop, got "cover"'],
    [["--input-crop", "0"], '--input-crop: expected a number above 0, up to 1, got "0".'],
    [["--std", "1", "0", "1"], '--std: expected a number above 0, up to 10000, got "0".'],
    [["--padding", "center"], '--padding: expected one of centre, end, got "center"'],
    [["--keep-only-topk", "0"], '--keep-only-topk: expected a number above 0, up to 100, got "0".'],
    [["--keep-only-topk", "101"], "--keep-only-topk: expected a number above 0, up to 100"],
    [["--samples", "0"], "--samples: expected a whole number from 1 to 1000000"],
    [["--seed", "-1"], "--seed: expected a whole number from 0 to 4294967295"],
    [["--crop", "--crop-keep"], "--crop and --crop-keep exclude each other. Use one of the two."],
    [["--crop", "--opacity", "0.5"], "--crop draws no heatmap, so --opacity would have no effect."],
    [["--crop-keep", "--opacity", "1", "--colormap", "jet"], "--colormap and --opacity would have no effect."],
  ])("refuses %j", async (argv, expected) => {
    const text = await usage("explain", "a.jpg", ...argv);
    expect(text).toContain(expected);
    expect(text).toMatch(/^error: .*\nSee whybox explain --help\n$/s);
  });

  it.each([
    [["--eigen-smooth"]],
    [["--scale", "common"]],
    [["--eigen-smooth", "--per", "image"]],
    [["--eigen-smooth", "--backward-per-class"]],
    [["--eigen-smooth", "--per", "class"]],
    [["--samples", "5", "--seed", "1", "--compat", "--method", "takes-all"]],
    [["--ablate-to", "mean", "--method", "takes-all"]],
    [["--layer", "auto", "--method", "D-RISE"]],
    [["--input-range", "1", "--padding", "centre"]],
    [["--per", "detection", "--per-detection", "--scale", "common", "--method", "GradCAM"]],
    [["--versus", "cat", "--backprop", "contrast", "class"]],
    [["--per", "class", "--frame", "input", "--save", "npy"]],
    [["--crop", "--keep-only-topk", "12.5", "--side-by-side"]],
    [["--box", "-5", "-1e1", "9.5", "4", "--class", "traffic light", "--method", "GradCAM", "--eigen-smooth"]],
  ])("takes %j", async (argv) => {
    const cwd = await temporaryFolder();
    await putImages(cwd, "a.jpg");
    const run = createWorld({ cwd });
    expect([await run.run("explain", "a.jpg", ...argv), run.stderr()]).toEqual([0, ""]);
  });

  it("names every contradiction at once", async () => {
    const text = await usage(
      "explain",
      "a.jpg",
      "--scale",
      "common",
      "--per",
      "image",
      "--crop",
      "--crop-keep",
      "--class",
      "dog",
    );
    expect(text.match(/--(scale common|crop and|class needs)/g)).toHaveLength(3);
  });

  it.each([
    [["--confidence", "2"], '--confidence: expected a number from 0 to 1, got "2".'],
    [["--image-size", "0"], '--image-size: expected a whole number from 1 to 8192, got "0".'],
    [["--max-detections", "0"], "--max-detections: expected a whole number from 1 to 100000"],
    [["--keep-top-percent", "0"], "--keep-top-percent: expected a number above 0"],
    [["--conf", "0.3", "--confidence", "0.4"], "--confidence and --conf are two names of the same option"],
    [["--imgsz", "320", "--image-size", "640"], "--image-size and --imgsz are two names of the same option"],
    [["--confidense", "0.3"], `unknown option '--confidense'. Did you mean "--confidence"?`],
    [["--conff", "0.3"], `unknown option '--conff'. Did you mean "--conf"?`],
    [["--imgzs=320"], `Did you mean "--imgsz"?`],
    [["--hepl"], `Did you mean "--help"?`],
  ])("names an option as it was typed: %j", async (argv, expected) => {
    expect(await usage("explain", "a.jpg", ...argv)).toContain(expected);
  });

  it("takes every option under each of its names", async () => {
    const explained = async (...argv: string[]) => {
      const cwd = await temporaryFolder();
      await putImages(cwd, "a.jpg");
      const run = createWorld({ cwd });
      expect([await run.run("explain", "a.jpg", ...argv), run.stderr()]).toEqual([0, ""]);
      return run.explains;
    };
    const long = ["--confidence", "0.9", "--image-size", "320", "64", "--max-detections", "3", "--agnostic"];
    const short = ["--conf", "0.9", "--imgsz", "320", "64", "--max-det", "3", "--agnostic-nms"];
    const [first] = await explained(...long, "--keep-top-percent", "7");
    expect(first).toMatchObject({ confidence: 0.9, imageSize: [320, 64], maxDetections: 3, agnostic: true });
    expect(await explained(...short, "--keep-only-topk", "7")).toEqual([first]);
    expect(await explained(...long, ...short, "--keep-only-topk", "7")).toEqual([first]);
  });

  it("names every wrong option at once", async () => {
    expect(await usage("explain", "a.jpg", "--conf", "x", "--iou", "y")).toBe(
      'error: --conf: expected a number from 0 to 1, got "x".\n' +
        '--iou: expected a number from 0 to 1, got "y".\nSee whybox explain --help\n',
    );
  });

  it("explains where the source went when a greedy option took it", async () => {
    expect(await usage("explain", "--layer", "17", "a.jpg")).toContain(
      `--layer takes every word after it. Put sources before it, or after "--".`,
    );
  });

  it.each([
    [[], new RegExp(`No command given\\. Commands: ${commandNames.join(", ")}\\.\\nSee whybox --help`)],
    [["explan", "a.jpg"], /unknown command 'explan'\n\(Did you mean explain\?\)\nSee whybox --help/],
    [["a.jpg"], /unknown command 'a\.jpg'/],
    [["explain"], /missing required argument 'source'\nSee whybox explain --help/],
    [["inspect"], /missing required argument 'model'\nSee whybox inspect --help/],
    [["inspect", "a", "b"], /too many arguments/],
    [["inspect", "a", "--names", ""], /--names: expected a file of class names, got ""/],
    [["--nonsense"], /unknown option '--nonsense'/],
  ])("%j", async (argv, expected) => {
    expect(await usage(...argv)).toMatch(expected);
  });
});

it("never lets an argument speak to the terminal", async () => {
  expect(await usage("\u001b]0;evil\u0007x")).toContain("unknown command '\\x1b]0;evil\\x07x'");
});

describe("help and version", () => {
  it.each([["--help"], ["explain", "--help"], ["inspect", "--help"], ["methods", "--help"], ["help", "explain"]])(
    "prints help: %j",
    async (...argv) => {
      const run = createWorld();
      expect(await run.run(...argv)).toBe(0);
      expect(run.stdout()).toContain("Examples:");
      expect(run.stderr()).toBe("");
    },
  );

  it("prints the version", async () => {
    const run = createWorld();
    expect(await run.run("--version")).toBe(0);
    expect(run.stdout()).toBe("9.9.9\n");
  });

  it("lists the exit codes", async () => {
    const run = createWorld();
    await run.run("--help");
    expect(run.stdout()).toMatch(/Exit codes:\n {4}0 {2}success\n {4}1 {2}a bug/);
  });
});

it("whybox worker reads its own options and those of all commands that work", async () => {
  const argv = ["worker", "--queue", "http://queue", "--stalled-after", "2", "--workers", "1", "--quiet"];
  expect(await usage(...argv)).toContain("--queue is not the address of a Redis server");
});
