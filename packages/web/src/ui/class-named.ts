/** The class that a typed text means: its name, else its name in other letters, else the only one that starts so. Undefined if there is none. */
export function classNamed(typed: string, classNames: readonly string[]): string | undefined {
  const text = typed.trim();
  const loose = text.toLowerCase();
  if (text === "") return undefined;
  if (classNames.includes(text)) return text;
  const starting = classNames.filter((name) => name.toLowerCase().startsWith(loose));
  return classNames.find((name) => name.toLowerCase() === loose) ?? (starting.length === 1 ? starting[0] : undefined);
}
