// Changes of JSON values, of the words of a text, and of cases that consist of several files.
import { TEXTS } from "../chance.mjs";
import { mutateBytes } from "./bytes.mjs";
import { readZip, writeZip } from "./zip.mjs";

const decode = (bytes) => new TextDecoder().decode(bytes);
const encode = (text) => new TextEncoder().encode(text);

const VALUES = [null, true, false, 0, -1, 1, 0.5, 1e308, 2 ** 53, 2 ** 31, -(2 ** 31), "", [], {}, [[]], [0, 0], "0"];
const NUMBERS = ["1e999", "-1e999", "-0", "1e-320", "9007199254740993", "1".repeat(400), "0x10", "NaN", "01"];

/** A JSON text with one change of its values. A text that is not JSON is changed as a text. */
export function mutateJson(chance, bytes) {
  const text = decode(bytes);
  if (chance.is(0.15)) return mutateText(chance, bytes);
  let root;
  try {
    root = JSON.parse(text);
  } catch {
    return mutateText(chance, bytes);
  }
  const box = { root };
  const [parent, key] = place(chance, box, "root");
  const others = [parent[key], place(chance, box, "root")].flat();
  const value = chance.is(0.5)
    ? chance.pick(VALUES)
    : chance.is(0.5)
      ? chance.pick(TEXTS)
      : jsonOf(chance.pick(others));
  const set =
    (to, name = key) =>
    () =>
      Object.defineProperty(parent, name, settable(to));
  const changes = [
    set(value),
    set(value),
    () => (Array.isArray(parent) ? parent.splice(Number(key), 1) : delete parent[key]),
    Array.isArray(parent) ? () => parent.splice(Number(key), 0, parent[key]) : set(parent[key], `${key}2`),
    set(value, chance.pick(["__proto__", "constructor", "0"])),
    set([parent[key]]),
  ];
  chance.pick(changes)();
  return encode(JSON.stringify(box.root) ?? "");
}

const settable = (value) => ({ value, writable: true, enumerable: true, configurable: true });
const jsonOf = (value) => (value === undefined ? null : JSON.parse(JSON.stringify(value)));

/** A random place in a value: a parent and a key. */
function place(chance, parent, key) {
  const value = parent[key];
  const keys = typeof value === "object" && value !== null ? Object.keys(value) : [];
  return keys.length === 0 || chance.is(0.1) ? [parent, key] : place(chance, value, chance.pick(keys));
}

/** A text with one change: of a number, a word, a line, or of its bytes. */
export function mutateText(chance, bytes) {
  const text = decode(bytes);
  const changes = [
    () => mutateBytes(chance, bytes),
    () =>
      encode(
        replaceOne(chance, text, /\d+(\.\d+)?/g, chance.is(0.5) ? chance.pick(NUMBERS) : String(chance.extreme())),
      ),
    () => encode(replaceOne(chance, text, /\w+/g, chance.pick(TEXTS))),
    () =>
      encode(
        replaceOne(chance, text, /[^\w\s]/g, chance.pick(["", "{", "}", "[", "]", "'", '"', "&a", "*a", ":", "!!x "])),
      ),
    () => encode(replaceOne(chance, text, /\n/g, chance.pick(["", "\r", "\n\n", "\0\n"]))),
    () => encode(text.slice(0, chance.below(text.length + 1))),
  ];
  return chance.pick(changes)();
}

function replaceOne(chance, text, pattern, by) {
  const found = [...text.matchAll(pattern)];
  if (found.length === 0) return text + by;
  const { index, 0: word } = chance.pick(found);
  return text.slice(0, index) + by + text.slice(index + word.length);
}

/** Changes one of the files in a stored zip archive. `mutateFile` gets its name and its bytes. */
export function mutateFiles(chance, archive, mutateFile) {
  const files = readZip(archive);
  // An earlier change may have left none.
  if (files.length === 0) return archive;
  const at = chance.below(files.length);
  const { name, bytes } = files[at];
  if (chance.is(0.02)) files.splice(at, 1);
  else files[at] = { name, bytes: mutateFile(name, bytes) };
  return writeZip(files);
}

/** Changes one line of a file of JSON lines. */
export function mutateLines(chance, bytes) {
  if (chance.is(0.2)) return mutateText(chance, bytes);
  const lines = decode(bytes).split("\n");
  const at = chance.below(lines.length);
  const change = chance.below(7);
  if (change === 0) lines.splice(at, 1);
  else if (change === 1) lines.splice(at, 0, lines[at]);
  else lines[at] = decode(mutateJson(chance, encode(lines[at])));
  return encode(lines.join("\n"));
}
