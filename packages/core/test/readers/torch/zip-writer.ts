/** Writes zip archives of stored entries, for tests; every field of an entry can be made wrong. */

export interface ZipPart {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly method?: number;
  readonly flags?: number;
  /** Offset of the local header that the directory tells. */
  readonly at?: number;
  /** Both sizes that the directory tells. */
  readonly size?: number;
  /** Name in the local header. */
  readonly localName?: string;
  /** Tells sizes and offset in a Zip64 field. */
  readonly zip64?: boolean;
}

export interface ZipOptions {
  /** Number of entries that the end record tells. */
  readonly count?: number;
  /** Writes a Zip64 end record, and no numbers in the usual one. */
  readonly zip64?: boolean;
  readonly comment?: Uint8Array;
  /** Aligns data to 64 bytes, as torch.save does. */
  readonly align?: boolean;
}

const u16 = (...values: readonly number[]) => [...new Uint8Array(Uint16Array.from(values).buffer)];
const u32 = (...values: readonly number[]) => [...new Uint8Array(Uint32Array.from(values).buffer)];
const u64 = (...values: readonly number[]) => [...new Uint8Array(BigUint64Array.from(values, BigInt).buffer)];
const encode = (text: string) => [...new TextEncoder().encode(text)];
const ALL = 0xffffffff;

export function writeZip(parts: readonly ZipPart[], options: ZipOptions = {}): Uint8Array {
  const file: number[] = [];
  const directory: number[] = [];
  for (const part of parts) {
    const at = part.at ?? file.length;
    const { length } = part.bytes;
    const localName = encode(part.localName ?? part.name);
    const lead = file.length + 30 + localName.length;
    const padding = options.align ? (64 - ((lead + 4) % 64)) % 64 : 0;
    const extra = options.align ? [...u16(0x4246, padding), ...Array<number>(padding).fill(0x5a)] : [];
    const head = [...u16(20, part.flags ?? 0, part.method ?? 0, 0, 0), ...u32(0)];
    file.push(...u32(0x04034b50), ...head, ...u32(length, length), ...u16(localName.length, extra.length));
    file.push(...localName, ...extra);
    for (const byte of part.bytes) file.push(byte);
    const name = encode(part.name);
    const size = part.size ?? length;
    const wide = part.zip64 ? [...u16(0x9999, 2, 0, 1, 24), ...u64(size, size, at)] : [];
    const [told, toldAt] = part.zip64 ? [ALL, ALL] : [size, at];
    directory.push(...u32(0x02014b50), ...u16(20), ...head, ...u32(told, told));
    directory.push(...u16(name.length, wide.length, 0, 0, 0), ...u32(0, toldAt), ...name, ...wide);
  }
  const at = file.length;
  file.push(...directory);
  const count = options.count ?? parts.length;
  if (options.zip64) {
    const end = file.length;
    file.push(...u32(0x06064b50), ...u64(44), ...u16(45, 45), ...u32(0, 0), ...u64(count, count, directory.length, at));
    file.push(...u32(0x07064b50, 0), ...u64(end), ...u32(1));
  }
  const told = options.zip64 ? [0xffff, 0xffff, ALL, ALL] : [count, count, directory.length, at];
  file.push(...u32(0x06054b50), ...u16(0, 0, told[0]!, told[1]!), ...u32(told[2]!, told[3]!));
  const comment = options.comment ?? new Uint8Array(0);
  file.push(...u16(comment.length), ...comment);
  return Uint8Array.from(file);
}
