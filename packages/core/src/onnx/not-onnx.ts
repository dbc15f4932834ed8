/** Other file formats, recognised by their first bytes. No ONNX file starts with these bytes. */
const SIGNATURES: readonly { readonly at: number; readonly bytes: readonly number[]; readonly what: string }[] = [
  { at: 0, bytes: [0x89, 0x50, 0x4e, 0x47], what: "a PNG image" },
  { at: 0, bytes: [0xff, 0xd8, 0xff], what: "a JPEG image" },
  { at: 0, bytes: [0x47, 0x49, 0x46, 0x38], what: "a GIF image" },
  { at: 0, bytes: [0x52, 0x49, 0x46, 0x46], what: "a WebP image or another RIFF file" },
  { at: 0, bytes: [0x50, 0x4b, 0x03, 0x04], what: "a zip archive (PyTorch's .pt files are zip archives)" },
  { at: 0, bytes: [0x80, 0x02], what: "a Python pickle (an old PyTorch file)" },
  { at: 0, bytes: [0x80, 0x03], what: "a Python pickle" },
  { at: 0, bytes: [0x80, 0x04], what: "a Python pickle" },
  { at: 0, bytes: [0x80, 0x05], what: "a Python pickle" },
  { at: 0, bytes: [0x1f, 0x8b], what: "a gzip archive" },
  { at: 0, bytes: [0x89, 0x48, 0x44, 0x46], what: "an HDF5 (Keras) file" },
  { at: 4, bytes: [0x4f, 0x52, 0x54, 0x4d], what: "an ONNX Runtime .ort file" },
  { at: 4, bytes: [0x54, 0x46, 0x4c, 0x33], what: "a TensorFlow Lite file" },
  {
    at: 0,
    bytes: [...new TextEncoder().encode("version https://git-lfs")],
    what: "a Git LFS pointer, not the file itself",
  },
  { at: 0, bytes: [...new TextEncoder().encode("{")], what: "JSON text" },
  { at: 0, bytes: [...new TextEncoder().encode("<")], what: "HTML or XML text" },
];

/** The name of the file's format if it is certainly not ONNX ("a PNG image"), else undefined. */
export function describeForeignBytes(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return "empty";
  const known = SIGNATURES.find((signature) => signature.bytes.every((byte, i) => bytes[signature.at + i] === byte));
  if (known !== undefined) return known.what;
  return looksLikeText(bytes) ? "plain text" : undefined;
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
