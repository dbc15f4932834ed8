/** The first line of the YAML parser's message, which also shows the text around the problem. */
export function yamlProblem(cause: unknown): string {
  const words = cause instanceof Error ? cause.message : String(cause);
  return words.split("\n")[0]!.replace(/:$/, "");
}
