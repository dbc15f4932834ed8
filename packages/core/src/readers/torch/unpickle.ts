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
      if (!this.#constant(opcode) && !this.#build(opcode)) {
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

  /** Opcodes that push one constant. @returns false for other opcodes. */
  #constant(opcode: number): boolean {
    const stack = this.#stack;
    const input = this.#in;
    switch (opcode) {
      case 0x4e: // NONE
        return push(stack, null);
      case 0x88: // NEWTRUE
        return push(stack, true);
      case 0x89: // NEWFALSE
        return push(stack, false);
      case 0x4b: // BININT1
        return push(stack, input.u8());
      case 0x4d: // BININT2
        return push(stack, input.u16());
      case 0x4a: // BININT
        return push(stack, input.i32());
      case 0x8a: // LONG1
        return push(stack, this.#integer(input.u8()));
      case 0x8b: // LONG4
        return push(stack, this.#integer(input.u32()));
      case 0x47: // BINFLOAT
        return push(stack, input.f64be());
      case 0x8c: // SHORT_BINUNICODE
        return push(stack, utf8(input.take(input.u8())));
      case 0x58: // BINUNICODE
        return push(stack, utf8(input.take(input.u32())));
      case 0x8d: // BINUNICODE8
        return push(stack, utf8(input.take(input.u64())));
      case 0x55: // SHORT_BINSTRING, of Python 2
        return push(stack, latin1(input.take(input.u8())));
      case 0x54: // BINSTRING, of Python 2
        return push(stack, latin1(input.take(input.u32())));
      case 0x43: // SHORT_BINBYTES
        return push(stack, input.take(input.u8()));
      case 0x42: // BINBYTES
        return push(stack, input.take(input.u32()));
      case 0x8e: // BINBYTES8
      case 0x96: // BYTEARRAY8
        return push(stack, input.take(input.u64()));
      case 0x5d: // EMPTY_LIST
      case 0x29: // EMPTY_TUPLE
        return push(stack, []);
      case 0x7d: // EMPTY_DICT
        return push(stack, new Map());
      case 0x8f: // EMPTY_SET
        return push(stack, new Set());
      case 0x63: // GLOBAL
        return push(stack, namedClass(input.line(), input.line()));
      default:
        return false;
    }
  }

  /** Opcodes that work on the stack and the memo. @returns false for other opcodes. */
  #build(opcode: number): boolean {
    const stack = this.#stack;
    const input = this.#in;
    switch (opcode) {
      case 0x28: // MARK
        this.#marks.push(stack.length);
        return true;
      case 0x30: // POP
        this.#pop();
        return true;
      case 0x31: // POP_MARK
        this.#popMark();
        return true;
      case 0x32: // DUP
        return push(stack, this.#top());
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return push(stack, this.#popMany(opcode - 0x84));
      case 0x74: // TUPLE
        return push(stack, this.#popMark());
      case 0x91: // FROZENSET
        return push(stack, new Set(this.#popMark()));
      case 0x61: // APPEND
        return this.#append(this.#popMany(1));
      case 0x65: // APPENDS
        return this.#append(this.#popMark());
      case 0x90: // ADDITEMS
        return this.#add(this.#popMark());
      case 0x73: // SETITEM
        return this.#setItems(this.#popMany(2));
      case 0x75: // SETITEMS
        return this.#setItems(this.#popMark());
      case 0x71: // BINPUT
        return this.#put(input.u8());
      case 0x72: // LONG_BINPUT
        return this.#put(input.u32());
      case 0x94: // MEMOIZE
        return this.#put(this.#memo.size);
      case 0x68: // BINGET
        return push(stack, this.#get(input.u8()));
      case 0x6a: // LONG_BINGET
        return push(stack, this.#get(input.u32()));
      case 0x93: // STACK_GLOBAL
        return push(stack, this.#stackGlobal());
      case 0x52: // REDUCE
      case 0x81: // NEWOBJ
        return push(stack, this.#call(this.#popMany(2)));
      case 0x92: // NEWOBJ_EX
        return push(stack, this.#callWithKeywords(this.#popMany(3)));
      case 0x62: // BUILD
        return this.#setState(this.#pop());
      case 0x51: // BINPERSID
        return push(stack, this.#persistent(this.#pop()));
      case 0x95: // FRAME: how many bytes a reader may fetch at once
        if (input.u64() > input.bytes.length - input.at)
          throw broken("a frame of the pickle is longer than the pickle");
        return true;
      case 0x80: // PROTO
        this.#protocol();
        return true;
      default:
        return false;
    }
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

  #put(key: number): true {
    this.#memo.set(key, this.#top());
    return true;
  }

  #get(key: number): PickleValue {
    const value = this.#memo.get(key);
    if (value === undefined) throw broken(`the pickle reads entry ${key} of its memo, which does not exist`);
    return value;
  }

  #append(values: readonly PickleValue[]): true {
    const target = this.#top();
    const list = target instanceof PyRecord ? target.list : target;
    if (!Array.isArray(list)) throw broken(`the pickle appends to ${describeValue(target)}`);
    for (const value of values) list.push(value);
    return true;
  }

  #add(values: readonly PickleValue[]): true {
    const target = this.#top();
    if (!(target instanceof Set)) throw broken(`the pickle adds set elements to ${describeValue(target)}`);
    for (const value of values) target.add(value);
    return true;
  }

  #setItems(values: readonly PickleValue[]): true {
    const target = this.#top();
    const entries = target instanceof PyRecord ? target.entries : target;
    if (!(entries instanceof Map)) throw broken(`the pickle sets dict entries of ${describeValue(target)}`);
    if (values.length % 2 !== 0) throw broken("the pickle has a dict key without a value");
    for (let i = 0; i < values.length; i += 2) entries.set(values[i]!, values[i + 1]!);
    return true;
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
  #setState(state: PickleValue): true {
    const target = this.#top();
    if (target instanceof PyRecord) target.state = state;
    else if (target === null || typeof target !== "object" || target instanceof PyGlobal) {
      throw broken(`the pickle sets attributes of ${describeValue(target)}`);
    }
    return true;
  }
}

function namedClass(module: string, name: string): PyGlobal {
  if (module.length + name.length > MAX_NAME)
    throw broken(`the pickle names a class with ${module.length + name.length} characters`);
  return new PyGlobal(module, name);
}

function push(stack: PickleValue[], value: PickleValue): true {
  stack.push(value);
  return true;
}
