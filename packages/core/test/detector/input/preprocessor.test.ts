import { describe, expect, it } from "vitest";
import { readPreprocessor } from "../../../src/detector/input/preprocessor.js";

const mean = [0.485, 0.456, 0.406];
const std = [0.229, 0.224, 0.225];

describe("readPreprocessor", () => {
  it.each<[string, object, object]>([
    [
      "RT-DETR and D-FINE",
      {
        do_normalize: false,
        do_rescale: true,
        rescale_factor: 0.00392156862745098,
        image_mean: mean,
        size: { height: 640, width: 640 },
      },
      { fit: "stretch", size: [640, 640], range: 1, mean: [0, 0, 0], std: [1, 1, 1] },
    ],
    [
      "DETR",
      {
        do_normalize: true,
        image_mean: mean,
        image_std: std,
        do_pad: true,
        size: { shortest_edge: 800, longest_edge: 1333 },
      },
      { fit: "letterbox", size: undefined, mean, std },
    ],
    [
      "ViT, of before sizes were objects",
      { do_normalize: true, do_resize: true, image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5], size: 224 },
      { fit: "stretch", size: [224, 224], mean: [0.5, 0.5, 0.5] },
    ],
    [
      "ResNet with a crop",
      {
        do_center_crop: true,
        crop_size: { height: 224, width: 224 },
        size: { shortest_edge: 256 },
        image_mean: mean,
        image_std: std,
      },
      { fit: "crop", crop: 0.875, size: [224, 224] },
    ],
    [
      "ConvNeXT",
      { image_processor_type: "ConvNextImageProcessor", size: { shortest_edge: 224 }, crop_pct: 0.875 },
      { fit: "crop", crop: 0.875, size: [224, 224], mean: [0, 0, 0] },
    ],
    [
      "MobileViT",
      { do_flip_channel_order: true, size: { shortest_edge: 288 }, crop_size: 256 },
      { channels: "bgr", fit: "crop" },
    ],
    [
      "bytes",
      { do_rescale: false, do_normalize: true, image_mean: [103, 116, 123] },
      { range: 255, mean: [103, 116, 123] },
    ],
    // x / 127.5 - 1 = (x / 255 - 0.5) / 0.5
    [
      "a factor of its own",
      { rescale_factor: 1 / 127.5, do_normalize: true, image_mean: [1, 1, 1], image_std: [1, 1, 1] },
      { range: 1, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    ],
    ["nothing", {}, { fit: undefined, range: 1, mean: [0, 0, 0] }],
    [
      "images that stay as they are",
      { do_resize: false, size: { height: 1, width: 1 } },
      { fit: undefined, size: undefined },
    ],
  ])("reads that of %s", (_, content, wanted) => {
    expect(readPreprocessor(content)).toMatchObject(wanted);
  });

  it.each<[unknown, RegExp]>([
    [[], /"content" is \[\]; expected an object/],
    [{ size: { height: 0, width: 5 } }, /"size" is 0; expected whole numbers from 1 to 16384/],
    [{ size: "big" }, /"size" is "big"; expected a number, or an object/],
    [{ do_resize: 1 }, /"do_resize" is 1; expected true or false/],
    [{ image_mean: [1, 2] }, /"image_mean" is \[1,2\]; expected three numbers/],
    [{ image_mean: mean, image_std: [0, 1, 1] }, /"image_std" is \[0,1,1\]; expected numbers above 0/],
    [{ rescale_factor: -1 }, /"rescale_factor" is -1; expected a number above 0/],
  ])("refuses %j", (content, message) => {
    expect(() => readPreprocessor(content)).toThrow(message);
  });
});
