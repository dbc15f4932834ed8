import type { Command } from "commander";
import { z } from "zod";
import type { CliContext } from "../context.js";
import { methodFacts } from "../method-facts.js";
import { parseOptions } from "../option-schemas.js";
import { formatTable } from "../table.js";
import { createTerminal, printDocument } from "../terminal.js";

const methodsOptionsSchema = z.strictObject({ json: z.boolean().default(false) });

export function addMethods(program: Command, context: CliContext): void {
  program
    .command("methods")
    .summary("list the methods for --method")
    .description(
      "Lists the methods for --method: the data that each needs from the network, the runs that it needs in addition to\n" +
        "the forward pass, and its paper.",
    )
    .option("--json", "print the list as one JSON document, and nothing else")
    .addHelpText("after", "\nExamples:\n  whybox methods\n  whybox methods --json")
    .action((raw: unknown) => {
      const { json } = parseOptions(methodsOptionsSchema, raw);
      listMethods(context, json);
    });
}

function listMethods(context: CliContext, json: boolean): void {
  const methods = context.methods.map(methodFacts);
  if (json) {
    printDocument(context, { methods });
    return;
  }
  const terminal = createTerminal(context, { quiet: false, json: false });
  const titles = ["id", "title", "needs", "runs besides the forward pass", "paper"];
  const rows = methods.map(({ id, title, needs, runs, paper }) => [id, title, needs.join(", "), runs, paper]);
  const [header, ...lines] = formatTable(
    titles.map((title) => ({ title })),
    rows,
  );
  terminal.print(terminal.style("bold", header!));
  for (const line of lines) terminal.print(line);
}
