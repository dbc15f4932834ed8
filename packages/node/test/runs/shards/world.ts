import { contents, miniOptions } from "../world.js";

/** What all plans with the small model are given; how many workers there are is no matter of a plan. */
export const planOptions = miniOptions.slice(0, miniOptions.indexOf("--workers"));

/** Every file of a run by its path; the plan, which one machine does not have, is left out. */
export async function merged(folder: string): Promise<Record<string, string>> {
  const { "shards.json": _, ...rest } = await contents(folder);
  return rest;
}
