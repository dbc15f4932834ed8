import { printable } from "@whybox/core";
import { isAddress } from "../images/named-source.js";
import type { Manifest } from "../runs/schema.js";

/** A path that starts at a root, up to its last part. Not after a letter, so that "and/or" and addresses stay. */
const folders = /(?<![\w.:/\\…-])(?:[a-z]:)?[\\/](?:[^\s\\/:"'<>|]+[\\/])+/gi;

/** The names of a run as others may see them: without folders of the machine, users, passwords and queries. */
export class PublicNames {
  readonly #manifest: Pick<Manifest, "root" | "inputs" | "listing">;

  constructor(manifest: Pick<Manifest, "root" | "inputs" | "listing">) {
    this.#manifest = manifest;
  }

  /** The name of a source: relative to the run's root or to one of its inputs, else the file's name. */
  source(source: string): string {
    if (isAddress(source)) return addressName(source);
    if (!isAbsolutePath(source)) return source;
    const bases = [
      ...this.#manifest.inputs.flatMap(({ path }) => (path === null ? [] : [path])),
      ...(this.#manifest.listing.images === null ? [] : [this.#manifest.listing.images]),
    ].map(slashed);
    // The root of a disk is no name.
    const base = bases
      .filter((one) => one !== "" && source.startsWith(`${one}/`))
      .sort((a, b) => b.length - a.length)[0];
    return base === undefined ? lastName(source) : `${lastName(base)}/${source.slice(base.length + 1)}`;
  }

  /** The name of an argument of the run. */
  input(given: string): string {
    if (isAddress(given)) return addressName(given);
    if (!isAbsolutePath(slashed(given))) return given;
    const parts = slashed(given).split("/");
    const wildcard = parts.findIndex((part) => /[*?{[]/.test(part));
    return parts.slice(wildcard < 0 ? -1 : Math.max(0, wildcard - 1)).join("/");
  }

  /** A message about a source. */
  message(message: string, source: string): string {
    const named = message.replaceAll(printable(source), printable(this.source(source)));
    const { root } = this.#manifest;
    return withoutFolders(root.length > 1 ? named.replaceAll(root, "…") : named);
  }
}

/** The text without folders of the machine. */
export function withoutFolders(text: string): string {
  return text.replace(folders, "…/");
}

/** The name of a file without its folders, or of an address without its secrets. */
export function bareName(path: string): string {
  return isAddress(path) ? addressName(path) : lastName(slashed(path));
}

/** A path that stays if it is relative. */
export function relativeName(path: string): string {
  return isAddress(path) ? addressName(path) : isAbsolutePath(slashed(path)) ? lastName(slashed(path)) : path;
}

function addressName(address: string): string {
  if (!URL.canParse(address)) return "an address";
  const url = new URL(address);
  return `${url.protocol}//${url.host}${url.pathname}`;
}

function isAbsolutePath(path: string): boolean {
  return /^(\/|[a-z]:\/)/i.test(path);
}

function slashed(path: string): string {
  return path.replaceAll("\\", "/").replace(/\/+$/, "");
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
