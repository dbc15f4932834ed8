/** Name of the file that describesModel how the images of a model of Hugging Face are prepared. It may come with the model, or later. */
export const PREPROCESSOR = "preprocessor_config.json";

/** Name of the file with names and task that Ultralytics writes beside an export. */
export const METADATA = "metadata.yaml";

/** Whether a file that came with a model has its class names: a data.yaml, or one name on each line. */
export function isNamesFile({ name }: { readonly name: string }): boolean {
  return name !== METADATA && /\.(ya?ml|txt|names)$/i.test(name);
}

/** What a file that came with a model says of it. Undefined if its name says nothing. */
export function describesModel(file: { readonly name: string }): "preparation" | "metadata" | "names" | undefined {
  if (file.name === PREPROCESSOR) return "preparation";
  if (file.name === METADATA) return "metadata";
  return isNamesFile(file) ? "names" : undefined;
}
