import { open } from "node:fs/promises";

/** Bytes in memory that threads share. */
export type SharedBytes = Uint8Array<SharedArrayBuffer>;

/** Reads a file into shared memory. */
export async function readShared(path: string): Promise<SharedBytes> {
  const file = await open(path);
  try {
    const bytes = new Uint8Array(new SharedArrayBuffer((await file.stat()).size));
    for (let at = 0; at < bytes.length; ) {
      const { bytesRead } = await file.read(bytes, at, bytes.length - at, at);
      if (bytesRead === 0) throw new Error(`The file ends after ${at} of ${bytes.length} bytes.`);
      at += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

/** A copy of the bytes in shared memory. Bytes that are in shared memory are not copied. */
export function shared(bytes: Uint8Array): SharedBytes {
  if (bytes.buffer instanceof SharedArrayBuffer) return bytes as SharedBytes;
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}
