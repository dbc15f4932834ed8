/** A file that is not ONNX. */
export interface ForeignFile {
  /** "a PNG image". */
  readonly what: string;
  /** For a model of another format: the command that makes an ONNX file, as the end of a sentence. */
  readonly way?: string;
}

interface Signature extends ForeignFile {
  matches(head: Uint8Array, text: string): boolean;
}

const startsWith = (text: string, at = 0) => {
  const bytes = [...text].map((letter) => letter.charCodeAt(0));
  return (head: Uint8Array) => bytes.every((byte, i) => head[at + i] === byte);
};

/** For formats that no tool turns back into ONNX. */
const EXPORT = "export the network that it was made from (Ultralytics: yolo export model=best.pt format=onnx)";

/** Other file formats, recognised by their first bytes. No ONNX file starts with these bytes. */
const SIGNATURES: readonly Signature[] = [
  { what: "a PNG image", matches: startsWith("\x89PNG") },
  { what: "a JPEG image", matches: startsWith("\xff\xd8\xff") },
  { what: "a GIF image", matches: startsWith("GIF8") },
  { what: "a WebP image or another RIFF file", matches: startsWith("RIFF") },
  { what: "a zip archive (PyTorch's .pt files are zip archives)", matches: startsWith("PK\x03\x04") },
  { what: "a Python pickle (an old PyTorch file)", matches: startsWith("\x80\x02") },
  { what: "a Python pickle", matches: startsWith("\x80\x03") },
  { what: "a Python pickle", matches: startsWith("\x80\x04") },
  { what: "a Python pickle", matches: startsWith("\x80\x05") },
  { what: "a gzip archive", matches: startsWith("\x1f\x8b") },
  {
    what: "an HDF5 (Keras) file",
    way: "python -m tf2onnx.convert --keras model.h5 --output model.onnx converts it",
    matches: startsWith("\x89HDF"),
  },
  { what: "an ONNX Runtime .ort file", way: "use the ONNX file that it was made from", matches: startsWith("ORTM", 4) },
  {
    what: "a TensorFlow Lite model",
    way: "python -m tf2onnx.convert --tflite model.tflite --output model.onnx converts it",
    matches: startsWith("TFL3", 4),
  },
  {
    what: "a TensorFlow SavedModel",
    way: "python -m tf2onnx.convert --saved-model FOLDER --output model.onnx converts it",
    matches: (head) => head[1] === 1 && isMessageOfMessages(head),
  },
  { what: "a Core ML model", way: EXPORT, matches: isMessageOfMessages },
  { what: "a TensorRT engine", way: EXPORT, matches: startsWith("ftrt") },
  // Ultralytics writes its metadata before the engine: the length in four bytes, then JSON.
  { what: "a TensorRT engine", way: EXPORT, matches: startsWith('{"', 4) },
  {
    what: "a safetensors file: weights by name, without the network that they belong to",
    way: "optimum-cli export onnx --model FOLDER out exports a network of Hugging Face's Transformers",
    matches: startsWith('\0\0\0\0{"', 4),
  },
  { what: "an OpenVINO model", way: EXPORT, matches: (_, text) => /^(<\?xml[^>]*>\s*)?<net\s/.test(text) },
  { what: "an NCNN model", way: EXPORT, matches: (_, text) => /^7767517\s/.test(text) },
  { what: "the weights of an NCNN model", way: EXPORT, matches: startsWith("\x47\x6b\x30\x01") },
  {
    what: "a PaddlePaddle model",
    way: "paddle2onnx --model_dir . --model_filename inference.json --params_filename inference.pdiparams --save_file model.onnx converts it",
    matches: (_, text) => /^\{"base_code":\{[^}]*"pir"/.test(text),
  },
  {
    what: "a PaddlePaddle model",
    way: "paddle2onnx --model_dir . --model_filename inference.pdmodel --params_filename inference.pdiparams --save_file model.onnx converts it",
    matches: isPaddleProgram,
  },
  {
    what: "a pointer of Git LFS",
    way: "git lfs pull fetches the file itself",
    matches: startsWith("version https://git-lfs"),
  },
  { what: "JSON text", matches: startsWith("{") },
  { what: "HTML or XML text", matches: startsWith("<") },
];

/** Number of bytes that are examined. */
const HEAD = 512;

/** The format of a file that is certainly not ONNX, else undefined. */
export function foreignFile(bytes: Uint8Array): ForeignFile | undefined {
  if (bytes.length === 0) return { what: "empty" };
  const head = bytes.subarray(0, HEAD);
  const text = new TextDecoder().decode(new Uint8Array(head)).trimStart();
  return (
    SIGNATURES.find(({ matches }) => matches(head, text)) ?? (looksLikeText(bytes) ? { what: "plain text" } : undefined)
  );
}

/**
 * True for a protobuf message whose field 1 is a version and whose field 2 is a message that starts with a message. In an ONNX file field 2 is
 * the name of the exporter, and no name starts with a line feed.
 */
function isMessageOfMessages(head: Uint8Array): boolean {
  return head[0] === 0x08 && head[1]! < 0x80 && head[2] === 0x12 && head[afterVarint(head, 3)] === 0x0a;
}

/** A ProgramDesc: its first block has the number 0, and a parent. */
function isPaddleProgram(head: Uint8Array): boolean {
  const block = afterVarint(head, 1);
  return head[0] === 0x0a && startsWith("\x08\0\x10", block)(head);
}

function afterVarint(head: Uint8Array, at: number): number {
  let end = at;
  while (head[end]! >= 0x80) end++;
  return end + 1;
}

/** Whether all bytes of a sample are printable. ONNX files start with a control character (the tag of `ir_version`). */
function looksLikeText(bytes: Uint8Array): boolean {
  const sample = bytes.subarray(0, 64);
  return sample.every((byte) => byte === 9 || byte === 10 || byte === 13 || byte >= 32) && sample[0]! >= 32;
}

/** The first bytes of a file, for a message: `89 50 4e 47 ("‰PNG")` as hex and printable ASCII. */
export function firstBytes(bytes: Uint8Array): string {
  const head = [...bytes.subarray(0, 8)];
  const hex = head.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const ascii = head.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : ".")).join("");
  return `${hex} ("${ascii}")`;
}
