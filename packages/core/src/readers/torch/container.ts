/** What the first bytes say: a checkpoint that torch.save wrote (as a zip archive, or in the format before PyTorch 1.6), or no such file. */
export function torchContainer(bytes: Uint8Array): "zip" | "legacy" | undefined {
  const [a, b, c, d] = bytes;
  if (a === 0x50 && b === 0x4b && c === 3 && d === 4) return "zip";
  return a === 0x80 && b !== undefined && b >= 2 && b <= 5 ? "legacy" : undefined;
}
