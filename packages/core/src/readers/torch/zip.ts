import { broken } from "./broken.js";
import { Cursor, utf8 } from "./cursor.js";

const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const END_SIZE = 22;
const LOCATOR_SIZE = 20;
const CENTRAL_SIZE = 46;
const LOCAL_SIZE = 30;
const MAX_COMMENT = 0xffff;
/** The content of a 32-bit field whose value is in the Zip64 record. */
const IN_ZIP64 = 0xffffffff;
const ENCRYPTED = 0x2041;

interface Directory {
  readonly at: number;
  readonly size: number;
  readonly count: number;
}

interface Entry {
  readonly name: string;
  readonly size: number;
  /** Offset of the local header. */
  readonly at: number;
  /** 0 for an entry that is stored as it is. */
  readonly method: number;
}

/**
 * The files of a zip archive with stored entries, as torch.save writes it (also Zip64): name → a view into `bytes`.
 * Every offset and length is checked before use. Entries must not overlap, repeat a name, or be compressed or encrypted, so
 * the output cannot be larger than the archive. Checksums are not verified: torch.save can omit them.
 *
 * Source: PKWARE, APPNOTE.TXT 6.3.
 * @throws bad-input
 */
export function readZip(bytes: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const directory = findDirectory(bytes);
  const entries = readDirectory(bytes, directory);
  const files = new Map<string, Uint8Array>();
  let end = 0;
  for (const entry of entries.toSorted((a, b) => a.at - b.at)) {
    if (entry.method !== 0) {
      throw broken(`zip entry "${entry.name}" is compressed (method ${entry.method}); torch.save stores its entries`, {
        entry: entry.name,
      });
    }
    if (files.has(entry.name)) throw broken(`the zip archive has two entries "${entry.name}"`, { entry: entry.name });
    if (entry.at < end) {
      throw broken(`zip entry "${entry.name}" overlaps the one before it at byte ${entry.at}`, { entry: entry.name });
    }
    const data = dataOf(bytes.subarray(0, directory.at), entry);
    end = data.byteOffset - bytes.byteOffset + data.length;
    files.set(entry.name, data);
  }
  return files;
}

/** The names of the files of a zip archive, compressed or not. @throws bad-input */
export function zipNames(bytes: Uint8Array): readonly string[] {
  return readDirectory(bytes, findDirectory(bytes)).map(({ name }) => name);
}

/** The end record: at the end of the file, before a comment of the declared length. */
function findDirectory(bytes: Uint8Array): Directory {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const last = bytes.length - END_SIZE;
  for (let at = last; at >= Math.max(0, last - MAX_COMMENT); at--) {
    if (view.getUint32(at, true) !== END || view.getUint16(at + 20, true) !== last - at) continue;
    const end = new Cursor(bytes, "the zip archive", at + 4);
    const disks = [end.u16(), end.u16()];
    const [countHere, count, size, offset] = [end.u16(), end.u16(), end.u32(), end.u32()];
    const hasZip64 = at >= LOCATOR_SIZE && view.getUint32(at - LOCATOR_SIZE, true) === LOCATOR64;
    if (hasZip64) return checked(bytes, readEnd64(bytes, at - LOCATOR_SIZE), at - LOCATOR_SIZE);
    if (disks.some((disk) => disk !== 0) || countHere !== count) throw broken("the zip archive has several parts");
    return checked(bytes, { at: offset, size, count }, at);
  }
  throw broken("the zip archive has no directory at its end");
}

function readEnd64(bytes: Uint8Array, locator: number): Directory {
  const pointer = new Cursor(bytes, "the zip archive", locator + 8);
  const at = pointer.u64();
  const end = new Cursor(bytes, "the zip archive");
  end.advance(at);
  if (end.u32() !== END64) throw broken(`the zip archive has no Zip64 record at byte ${at}`);
  end.advance(28);
  const [count, size, offset] = [end.u64(), end.u64(), end.u64()];
  return { at: offset, size, count };
}

function checked(bytes: Uint8Array, directory: Directory, limit: number): Directory {
  const { at, size, count } = directory;
  if (at + size > limit || count * CENTRAL_SIZE > size) {
    throw broken(
      `the zip directory is said to have ${count} entries in ${size} bytes from byte ${at} on; the archive has ${bytes.length} bytes`,
    );
  }
  return directory;
}

function readDirectory(bytes: Uint8Array, { at, size, count }: Directory): Entry[] {
  const cursor = new Cursor(bytes.subarray(at, at + size), "the zip directory");
  return Array.from({ length: count }, () => readEntry(cursor));
}

function readEntry(cursor: Cursor): Entry {
  if (cursor.u32() !== CENTRAL) throw broken(`the zip directory is damaged at its byte ${cursor.at - 4}`);
  cursor.advance(4);
  const [flags, method] = [cursor.u16(), cursor.u16()];
  cursor.advance(8);
  const [packed, unpacked] = [cursor.u32(), cursor.u32()];
  const [nameLength, extraLength, commentLength] = [cursor.u16(), cursor.u16(), cursor.u16()];
  cursor.advance(8);
  const offset = cursor.u32();
  const name = utf8(cursor.take(nameLength));
  const extra = new Cursor(cursor.take(extraLength), `the extra field of zip entry "${name}"`);
  cursor.advance(commentLength);
  if ((flags & ENCRYPTED) !== 0) throw broken(`zip entry "${name}" is encrypted`, { entry: name });
  const [size = 0, stored = 0, at = 0] = zip64Values(extra, [unpacked, packed, offset]);
  if (method === 0 && size !== stored) {
    throw broken(`zip entry "${name}" has ${stored} bytes for ${size}`, { entry: name });
  }
  return { name, size, at, method };
}

/** The values. Those that do not fit 32 bits come from the Zip64 extra field, which lists only these, in this order. */
function zip64Values(extra: Cursor, values: readonly number[]): number[] {
  if (!values.includes(IN_ZIP64)) return [...values];
  while (extra.at < extra.bytes.length) {
    const id = extra.u16();
    const field = new Cursor(extra.take(extra.u16()), "a Zip64 field");
    if (id === 1) return values.map((value) => (value === IN_ZIP64 ? field.u64() : value));
  }
  return [...values];
}

/** The bytes after a local header, which must name the same file. `body` ends where the directory starts. */
function dataOf(body: Uint8Array, { name, size, at }: Entry): Uint8Array {
  const cursor = new Cursor(body, `the part of the archive with zip entry "${name}"`);
  cursor.advance(at);
  cursor.advance(LOCAL_SIZE);
  const header = new Cursor(body, "a local header", at);
  const signature = header.u32();
  header.advance(22);
  const [nameLength, extraLength] = [header.u16(), header.u16()];
  if (signature !== LOCAL || utf8(cursor.take(nameLength)) !== name) {
    throw broken(`there is no zip entry "${name}" at byte ${at}, where the directory says`, { entry: name });
  }
  cursor.advance(extraLength);
  return cursor.take(size);
}
