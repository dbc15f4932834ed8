import { dependsOnScore } from "@whybox/core";
import type { Command } from "commander";
import { z } from "zod";
import type { CliContext } from "../context.js";
import { methodFacts } from "../method-facts.js";
import { parseOptions } from "../option-schemas.js";
import { formatTable } from "../table.js";
import { createTerminal, printDocument } from "../terminal.js";

const methodsOptionsSchema = z.strictObject({ verbose: z.boolean().default(false), json: z.boolean().default(false) });

/** The answers to "which one?". The measurements are in docs/faithfulness.md. */
const recommended = [
  ["default", "tap-fusion", "joins several depths of the network; one map for each detection"],
  ["fastest", "GradCAM", "one short backward pass; the best known method, and the coarsest"],
  ["most faithful", "search", "measures many maps; up to 10 s for each detection (--budget)"],
] as const;

export function addMethods(program: Command, context: CliContext): void {
  program
    .command("methods")
    .summary("list the methods for --method")
    .description(
      "Lists the methods for --method, first those to start with. --verbose adds the data that each needs from the network, the\n" +
        "runs that it needs in addition to the forward pass, and its paper.",
    )
    .option("--verbose", "also print needs, runs and papers")
    .option("--json", "print the list as one JSON document, and nothing else")
    .addHelpText("after", "\nExamples:\n  whybox methods\n  whybox methods --verbose\n  whybox methods --json")
    .action((raw: unknown) => {
      const { verbose, json } = parseOptions(methodsOptionsSchema, raw);
      if (json) printDocument(context, { methods: context.methods.map(methodFacts) });
      else listMethods(context, verbose);
    });
}

function listMethods(context: CliContext, verbose: boolean): void {
  const terminal = createTerminal(context, { quiet: false, json: false });
  const [header, ...lines] = verbose ? wholeTable(context) : shortTable(context);
  terminal.print(terminal.style("bold", "Which one?"));
  for (const line of formatTable([{ title: "" }, { title: "" }, { title: "" }], recommended).slice(1)) {
    terminal.print(`  ${line}`);
  }
  terminal.print("");
  terminal.print(terminal.style("bold", header!));
  for (const line of lines) terminal.print(line);
}

function shortTable({ methods }: CliContext): string[] {
  const rows = methods.map((method) => {
    const { id, title, cost } = methodFacts(method);
    return [id, title, cost, dependsOnScore(method) ? "a detection" : "a layer"];
  });
  return formatTable([{ title: "id" }, { title: "title" }, { title: "time" }, { title: "explains" }], rows);
}

function wholeTable({ methods }: CliContext): string[] {
  const titles = ["id", "title", "needs", "runs besides the forward pass", "paper"];
  const facts = methods.map(methodFacts);
  const rows = facts.map(({ id, title, needs, runs, paper }) => [id, title, needs.join(", "), runs, paper]);
  return formatTable(
    titles.map((title) => ({ title })),
    rows,
  );
}
