import { extname } from "node:path";

/** Counts the files of a folder or a glob that are passed over, because their names are not those of images. Hidden files are not counted. */
export class PassedOver {
  readonly #counts = new Map<string, number>();

  add(path: string): void {
    const name = path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
    if (name.startsWith(".")) return;
    const ending = extname(name).toLowerCase() || "without extension";
    this.#counts.set(ending, (this.#counts.get(ending) ?? 0) + 1);
  }

  get total(): number {
    return [...this.#counts.values()].reduce((sum, count) => sum + count, 0);
  }

  /** How many there are of each extension, as a message. Undefined if there are none. `kinds`: what is looked for. */
  message(given: string, kinds = "images"): string | undefined {
    const { total } = this;
    if (total === 0) return undefined;
    const most = [...this.#counts].sort(([, a], [, b]) => b - a);
    const shown = most.slice(0, 5).map(([ending, count]) => `${count} ${ending}`);
    const [files, extensions] =
      total === 1 ? ["1 file", "its extension is"] : [`${total} files`, "their extensions are"];
    return `${given}: ${files} passed over, because ${extensions} not of ${kinds}: ${shown.join(", ")}${most.length > 5 ? ", …" : ""}.`;
  }
}
