import { describe, expect, it } from "vitest";
import { decodeModel } from "../../src/onnx/decode.js";

const latin = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const refusal = (bytes: Uint8Array) => {
  try {
    decodeModel(bytes);
  } catch (error) {
    return error as { code: string; message: string; details: Record<string, unknown> };
  }
  throw new Error("nothing was thrown");
};

describe("a model of another format", () => {
  // The first bytes of files that the tools of each format write.
  it.each<[string, Uint8Array, RegExp]>([
    ["OpenVINO", latin('<?xml version="1.0"?>\n<net name="Model0" version="11">\n\t<layers>'), /OpenVINO.*format=onnx/],
    ["TensorFlow Lite", latin("\x1c\0\0\0TFL3\x14\0"), /TensorFlow Lite.*tf2onnx\.convert --tflite/],
    [
      "Core ML",
      latin("\x08\x04\x12 \n\x0e\n\x01x\x1a\x09*\x07\n\x01\x03\x10\xc0\x80\x04R\x0e"),
      /Core ML.*format=onnx/,
    ],
    ["a SavedModel", latin("\x08\x01\x12\x80\x20\x0a\x0a\x0a\x05serve"), /SavedModel.*--saved-model/],
    ["a TensorRT engine", latin("ftrt\0\0\0\0"), /TensorRT.*format=onnx/],
    ["an engine with Ultralytics' metadata", latin('\x99\x01\0\0{"description": "Ultralytics"'), /TensorRT/],
    [
      "safetensors",
      latin('\x10\x02\0\0\0\0\0\0{"model.0.weight":{"dtype":"F32"'),
      /safetensors.*optimum-cli export onnx/,
    ],
    ["NCNN", latin("7767517\n192 229\nInput in0 0 1 in0\n"), /NCNN.*format=onnx/],
    [
      "PaddlePaddle",
      latin("\x0a\xf0\x80\x01\x08\0\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x1a"),
      /Paddle.*paddle2onnx/,
    ],
    [
      "PaddlePaddle 3",
      latin('{"base_code":{"magic":"pir","trainable":false,"version":1}'),
      /paddle2onnx.*inference\.json/,
    ],
    ["the pointer of Git LFS", latin("version https://git-lfs.github.com/spec/v1"), /pointer.*git lfs pull/],
    ["Keras", latin("\x89HDF\r\n\x1a\n"), /Keras.*--keras/],
  ])("is answered with the way to ONNX: %s", (_, bytes, message) => {
    const { code, message: found, details } = refusal(bytes);
    expect(code).toBe("bad-input");
    expect(found).toMatch(message);
    expect(found).toMatch(/^This is an? .*, not an ONNX file: .*\.$/);
    expect(details.foreign).toBe(false);
  });

  it("is not seen in an ONNX file, whatever made it", () => {
    // ir_version 1, then the name of the exporter.
    expect(refusal(latin("\x08\x01\x12\x07pytorch")).message).toMatch(/The ONNX file is broken/);
  });
});
