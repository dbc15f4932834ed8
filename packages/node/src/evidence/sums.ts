/** A line of SHA256SUMS. */
export interface Sum {
  readonly sha256: string;
  /** Path in the bundle, with slashes. */
  readonly name: string;
}

/** Most bytes of a SHA256SUMS that is read. */
export const maxSumsBytes = 64 * 2 ** 20;

/** The text of SHA256SUMS, as `sha256sum` writes and checks it, sorted by name. */
export function sumsText(sums: readonly Sum[]): string {
  const sorted = sums.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  return sorted.map(({ sha256, name }) => `${sha256}  ${name}\n`).join("");
}

export interface ReadSums {
  /** Digest of each file, by its path. */
  readonly sums: ReadonlyMap<string, string>;
  /** What is wrong with lines, in sentences. */
  readonly problems: readonly string[];
}

/** Most problems with lines that are reported. */
const MAX_PROBLEMS = 20;

/** Reads SHA256SUMS. A line with a path that leads out of the bundle, or that Whybox does not write, is a problem and is not used. */
export function readSums(text: string): ReadSums {
  const sums = new Map<string, string>();
  const problems: string[] = [];
  const complain = (number: number, what: string) => {
    if (problems.length < MAX_PROBLEMS) problems.push(`line ${number} ${what}`);
  };
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  else if (text !== "") complain(lines.length, "is cut off: it has no line break");
  for (const [index, line] of lines.entries()) {
    const [, sha256, name] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
    if (sha256 === undefined || name === undefined) complain(index + 1, "is not a digest and a name");
    else if (!isInside(name)) complain(index + 1, `has a path that is not a file of the bundle: ${name.slice(0, 200)}`);
    else if (sums.has(name)) complain(index + 1, `names ${name} again`);
    else sums.set(name, sha256);
  }
  return { sums, problems };
}

/** Whether a path names a file of the bundle: relative, with slashes, without empty parts, "." and "..". */
export function isInside(name: string): boolean {
  // Colons and backslashes are parts of paths on Windows. Control characters are in no name that Whybox writes.
  if (/[\\:\p{Cc}]/u.test(name)) return false;
  return name.split("/").every((part) => part !== "" && part !== "." && part !== "..");
}
