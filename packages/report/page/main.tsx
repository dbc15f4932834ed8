import { render } from "preact";
import { App } from "./app.js";
import { ReportData } from "./data.js";
import "./report.css";

const root = document.querySelector("#app")!;

async function start(): Promise<void> {
  const data = await ReportData.read();
  root.replaceChildren();
  render(<App data={data} />, root);
}

start().catch((error: unknown) => {
  const words = error instanceof Error ? error.message : String(error);
  root.textContent = `This report cannot be shown: ${words}. The file may be incomplete. Use a browser of 2023 or later.`;
});
