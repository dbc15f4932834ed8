import { WhyboxError } from "../../errors.js";
import { broken } from "./broken.js";
import { construct } from "./construct.js";
import { Cursor, latin1, utf8 } from "./cursor.js";
import { describeValue, type PickleValue, PyGlobal, PyRecord } from "./values.js";

/** Maximum number of opcodes of one pickle. YOLOv5s has 32 000. Each makes at most one object. */
const MAX_OPCODES = 1_000_000;
/** Maximum size of one integer in bytes. */
const MAX_INTEGER = 256;
/** Maximum number of arguments of a call with keywords. They are copied, and a pickle can pass the same ones a million times. */
const MAX_ARGUMENTS = 64;
/** Maximum number of characters of a class's module and name. */
const MAX_NAME = 512;

export interface Unpickled {
  readonly value: PickleValue;
  /** Where the pickle ends in the bytes. */
  readonly end: number;
}

/**
 * Reads a Python pickle of protocol 2 to 5 as data. Its opcodes drive a stack machine and are interpreted one
 * by one. Classes and functions are only names (`PyGlobal`). A call of one makes a known plain value
 * (`construct`) or a record of the call. Nothing is ever looked up, imported or executed.
 *
 * @param persistent returns the value for an object that is stored elsewhere, by its id: torch's storages.
 * @param maxOpcodes a lower limit for a pickle of one value.
 * @throws bad-input when the pickle is broken or of another protocol; limit when it is longer than any checkpoint.
 * Source: CPython, Lib/pickletools.py (the opcodes' own documentation).
 */
export function unpickle(
  bytes: Uint8Array,
  at: number,
  persistent: (id: PickleValue) => PickleValue,
  maxOpcodes = MAX_OPCODES,
): Unpickled {
  return new Machine(bytes, at, persistent).run(maxOpcodes);
}

class Machine {
  readonly #in: Cursor;
  readonly #persistent: (id: PickleValue) => PickleValue;
  readonly #stack: PickleValue[] = [];
  /** Stack heights at each MARK. */
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();

  constructor(bytes: Uint8Array, at: number, persistent: (id: PickleValue) => PickleValue) {
    this.#in = new Cursor(bytes, "the pickle", at);
    this.#persistent = persistent;
  }

  run(maxOpcodes: number): Unpickled {
    const start = this.#in.at;
    if (this.#in.u8() !== 0x80) {
      throw broken(`the pickle at byte ${start} does not begin with its protocol; protocols 2 to 5 are read`);
    }
    this.#protocol();
    for (let count = 0; count < maxOpcodes; count++) {
      const opcode = this.#in.u8();
      if (opcode === 0x2e) return { value: this.#pop(), end: this.#in.at };
      const pushed = Machine.#pushed.get(opcode);
      const done = Machine.#done.get(opcode);
      if (pushed !== undefined) this.#stack.push(pushed(this));
      else if (done !== undefined) done(this);
      else {
        const hex = opcode.toString(16).padStart(2, "0");
        throw broken(`the pickle has opcode 0x${hex} at byte ${this.#in.at - 1}, which protocols 2 to 5 do not write`);
      }
    }
    throw new WhyboxError(
      "limit",
      `The PyTorch file has a pickle of more than ${maxOpcodes} operations, more than any model needs. Save the model alone, without the optimizer.`,
    );
  }

  #protocol(): void {
    const version = this.#in.u8();
    if (version < 2 || version > 5) throw broken(`the pickle has protocol ${version}; protocols 2 to 5 are read`);
  }

  /** Opcodes that push one value. */
  static readonly #pushed = new Map<number, (m: Machine) => PickleValue>([
    [0x4e, () => null], // NONE
    [0x88, () => true], // NEWTRUE
    [0x89, () => false], // NEWFALSE
    [0x4b, (m) => m.#in.u8()], // BININT1
    [0x4d, (m) => m.#in.u16()], // BININT2
    [0x4a, (m) => m.#in.i32()], // BININT
    [0x8a, (m) => m.#integer(m.#in.u8())], // LONG1
    [0x8b, (m) => m.#integer(m.#in.u32())], // LONG4
    [0x47, (m) => m.#in.f64be()], // BINFLOAT
    [0x8c, (m) => utf8(m.#in.take(m.#in.u8()))], // SHORT_BINUNICODE
    [0x58, (m) => utf8(m.#in.take(m.#in.u32()))], // BINUNICODE
    [0x8d, (m) => utf8(m.#in.take(m.#in.u64()))], // BINUNICODE8
    [0x55, (m) => latin1(m.#in.take(m.#in.u8()))], // SHORT_BINSTRING, of Python 2
    [0x54, (m) => latin1(m.#in.take(m.#in.u32()))], // BINSTRING, of Python 2
    [0x43, (m) => m.#in.take(m.#in.u8())], // SHORT_BINBYTES
    [0x42, (m) => m.#in.take(m.#in.u32())], // BINBYTES
    [0x8e, (m) => m.#in.take(m.#in.u64())], // BINBYTES8
    [0x96, (m) => m.#in.take(m.#in.u64())], // BYTEARRAY8
    [0x5d, () => []], // EMPTY_LIST
    [0x29, () => []], // EMPTY_TUPLE
    [0x7d, () => new Map()], // EMPTY_DICT
    [0x8f, () => new Set()], // EMPTY_SET
    [0x63, (m) => namedClass(m.#in.line(), m.#in.line())], // GLOBAL
    [0x32, (m) => m.#top()], // DUP
    [0x85, (m) => m.#popMany(1)], // TUPLE1
    [0x86, (m) => m.#popMany(2)], // TUPLE2
    [0x87, (m) => m.#popMany(3)], // TUPLE3
    [0x74, (m) => m.#popMark()], // TUPLE
    [0x91, (m) => new Set(m.#popMark())], // FROZENSET
    [0x68, (m) => m.#get(m.#in.u8())], // BINGET
    [0x6a, (m) => m.#get(m.#in.u32())], // LONG_BINGET
    [0x93, (m) => m.#stackGlobal()], // STACK_GLOBAL
    [0x52, (m) => m.#call(m.#popMany(2))], // REDUCE
    [0x81, (m) => m.#call(m.#popMany(2))], // NEWOBJ
    [0x92, (m) => m.#callWithKeywords(m.#popMany(3))], // NEWOBJ_EX
    [0x51, (m) => m.#persistent(m.#pop())], // BINPERSID
  ]);

  /** Opcodes that change the stack, its top or the memo. */
  static readonly #done = new Map<number, (m: Machine) => void>([
    [0x28, (m) => void m.#marks.push(m.#stack.length)], // MARK
    [0x30, (m) => void m.#pop()], // POP
    [0x31, (m) => void m.#popMark()], // POP_MARK
    [0x61, (m) => m.#append(m.#popMany(1))], // APPEND
    [0x65, (m) => m.#append(m.#popMark())], // APPENDS
    [0x90, (m) => m.#add(m.#popMark())], // ADDITEMS
    [0x73, (m) => m.#setItems(m.#popMany(2))], // SETITEM
    [0x75, (m) => m.#setItems(m.#popMark())], // SETITEMS
    [0x71, (m) => m.#put(m.#in.u8())], // BINPUT
    [0x72, (m) => m.#put(m.#in.u32())], // LONG_BINPUT
    [0x94, (m) => m.#put(m.#memo.size)], // MEMOIZE
    [0x62, (m) => m.#setState(m.#pop())], // BUILD
    [0x95, (m) => m.#frame(m.#in.u64())], // FRAME
    [0x80, (m) => m.#protocol()], // PROTO
  ]);

  /** @param length how many bytes a reader may fetch at once. */
  #frame(length: number): void {
    if (length > this.#in.bytes.length - this.#in.at) throw broken("a frame of the pickle is longer than the pickle");
  }

  /** A little-endian two's complement integer. A bigint beyond 2^53. */
  #integer(length: number): number | bigint {
    if (length > MAX_INTEGER) throw broken(`the pickle has an integer of ${length} bytes`);
    const bytes = this.#in.take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
    if (length > 0 && bytes[length - 1]! >= 0x80) value -= 1n << BigInt(8 * length);
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  #top(): PickleValue {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0)) throw this.#tooFew();
    return this.#stack.at(-1)!;
  }

  #tooFew(): WhyboxError {
    return broken(`the pickle takes more values from its stack than it has, at byte ${this.#in.at - 1}`);
  }

  #pop(): PickleValue {
    const top = this.#top();
    this.#stack.pop();
    return top;
  }

  /** The last values of the stack, in the order in which they were pushed. */
  #popMany(count: number): PickleValue[] {
    const start = this.#stack.length - count;
    if (start < (this.#marks.at(-1) ?? 0)) throw this.#tooFew();
    return this.#stack.splice(start);
  }

  /** All values after the last mark. */
  #popMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw broken(`the pickle needs a mark, and there is none, at byte ${this.#in.at - 1}`);
    return this.#stack.splice(mark);
  }

  #put(key: number): void {
    this.#memo.set(key, this.#top());
  }

  #get(key: number): PickleValue {
    const value = this.#memo.get(key);
    if (value === undefined) throw broken(`the pickle reads entry ${key} of its memo, which does not exist`);
    return value;
  }

  #append(values: readonly PickleValue[]): void {
    const target = this.#top();
    const list = target instanceof PyRecord ? target.list : target;
    if (!Array.isArray(list)) throw broken(`the pickle appends to ${describeValue(target)}`);
    for (const value of values) list.push(value);
  }

  #add(values: readonly PickleValue[]): void {
    const target = this.#top();
    if (!(target instanceof Set)) throw broken(`the pickle adds set elements to ${describeValue(target)}`);
    for (const value of values) target.add(value);
  }

  #setItems(values: readonly PickleValue[]): void {
    const target = this.#top();
    const entries = target instanceof PyRecord ? target.entries : target;
    if (!(entries instanceof Map)) throw broken(`the pickle sets dict entries of ${describeValue(target)}`);
    if (values.length % 2 !== 0) throw broken("the pickle has a dict key without a value");
    for (let i = 0; i < values.length; i += 2) entries.set(values[i]!, values[i + 1]!);
  }

  #stackGlobal(): PyGlobal {
    const [module, name] = this.#popMany(2);
    if (typeof module === "string" && typeof name === "string") return namedClass(module, name);
    throw broken(`the pickle names a class by ${describeValue(module)} and ${describeValue(name)}`);
  }

  #call([callee, args]: readonly PickleValue[]): PickleValue {
    if (!(callee instanceof PyGlobal)) throw broken(`the pickle calls ${describeValue(callee)}, which is no class`);
    if (!Array.isArray(args)) throw broken(`the pickle calls ${callee.path} with ${describeValue(args)}`);
    return construct(callee, args);
  }

  #callWithKeywords([callee, args, keywords]: readonly PickleValue[]): PickleValue {
    if (!(callee instanceof PyGlobal && Array.isArray(args) && keywords instanceof Map)) {
      throw broken(`the pickle calls ${describeValue(callee)} with keywords that are ${describeValue(keywords)}`);
    }
    if (args.length > MAX_ARGUMENTS) {
      throw broken(`the pickle calls ${callee.path} with ${args.length} arguments and keywords`);
    }
    return new PyRecord(callee, [...args, keywords]);
  }

  /** Sets the attributes of a record. Ignores those of plain values (a dict with attributes). */
  #setState(state: PickleValue): void {
    const target = this.#top();
    if (target instanceof PyRecord) target.state = state;
    else if (target === null || typeof target !== "object" || target instanceof PyGlobal) {
      throw broken(`the pickle sets attributes of ${describeValue(target)}`);
    }
  }
}

function namedClass(module: string, name: string): PyGlobal {
  if (module.length + name.length > MAX_NAME)
    throw broken(`the pickle names a class with ${module.length + name.length} characters`);
  return new PyGlobal(module, name);
}
