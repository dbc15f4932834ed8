/** Determines from the first bytes whether the file is a checkpoint of torch.save: a zip archive, or the format before PyTorch 1.6. */
export function torchContainer(bytes: Uint8Array): "zip" | "legacy" | undefined {
  const [a, b, c, d] = bytes;
  if (a === 0x50 && b === 0x4b && c === 3 && d === 4) return "zip";
  return a === 0x80 && b !== undefined && b >= 2 && b <= 5 ? "legacy" : undefined;
}
