// Builds the API reference as Markdown into reference/, for the documentation site. Warnings are errors: each type that a public declaration names must be exported.
import { Application, TSConfigReader, TypeDocReader } from "typedoc";

const readers = [new TypeDocReader(), new TSConfigReader()];
const app = await Application.bootstrapWithPlugins({ options: import.meta.dirname }, readers);
const project = await app.convert();
if (project !== undefined) {
  // TypeDoc looks for types that are not exported in one package only, the project's own.
  for (const name of ["@whybox/core", "whybox"]) {
    project.packageName = name;
    app.validate(project);
  }
  delete project.packageName;
  await app.generateOutputs(project);
}
process.exitCode = app.logger.hasErrors() || app.logger.hasWarnings() ? 1 : 0;
