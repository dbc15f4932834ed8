// The documentation site. `npm run docs` builds it into docs/.vitepress/dist.
import { cpSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { type DefaultTheme, defineConfig } from "vitepress";

const docs = resolve(import.meta.dirname, "..");
/** The folder of the site on its host: "/whybox/" on GitHub Pages. */
const base = process.env.DOCS_BASE ?? "/";
const repository = "https://github.com/whybox/whybox";

/** The first heading of a page. */
function titleOf(page: string): string {
  return /^# (.*)$/m.exec(readFileSync(join(docs, page), "utf8"))?.[1]?.replaceAll("`", "") ?? page;
}

const entry = (page: string): DefaultTheme.SidebarItem => ({
  text: titleOf(page),
  link: `/${page.replace(/(README|index)?\.md$/, "")}`,
});
const group = (text: string, pages: string[], collapsed = false): DefaultTheme.SidebarItem => ({
  text,
  collapsed,
  items: pages.filter((page) => existsSync(join(docs, page))).map(entry),
});

const methodPages = readdirSync(join(docs, "methods"))
  .filter((name) => name.endsWith(".md") && !["README.md", "intro.md"].includes(name))
  .map((name) => `methods/${name}`);

/** The address in the site, or on GitHub, of a file of the repository that a page links to. */
function address(page: string, href: string): string | undefined {
  if (/^([a-z]+:|#|\/)/.test(href)) return;
  const [path, hash = ""] = href.split(/(?=#)/);
  const target = resolve(docs, dirname(page), path!);
  const inSite = !relative(docs, target).startsWith("..") && /\.md$/.test(target) && !/\.api\.md$/.test(target);
  if (inSite) return path!.endsWith("README.md") ? `./${path!.slice(0, -"README.md".length)}${hash}` : undefined;
  if (!existsSync(target)) return;
  return `${repository}/blob/main/${relative(resolve(docs, ".."), target).replaceAll("\\", "/")}${hash}`;
}

export default defineConfig({
  title: "Whybox",
  base,
  description: "Why did the detector draw that box? Heatmaps for YOLO detectors, from the deployed ONNX file.",
  lang: "en",
  cleanUrls: true,
  lastUpdated: false,
  srcExclude: ["methods/intro.md", "api/README.md", "api/*.api.md", "api/node_modules/**"],
  // The playground is the page that the packages contain.
  buildEnd: ({ outDir }) =>
    cpSync(resolve(docs, "../packages/node/dist/page"), join(outDir, "play"), { recursive: true }),
  rewrites: { "methods/README.md": "methods/index.md" },
  head: [["link", { rel: "icon", type: "image/svg+xml", href: `${base}play/icon.svg` }]],
  markdown: {
    config(md) {
      md.core.ruler.push("file-links", ({ tokens, env }) => {
        for (const { children } of tokens) {
          for (const token of children ?? []) {
            const href = token.type === "link_open" ? token.attrGet("href") : null;
            const found = href && address(env.relativePath ?? "", href);
            if (found) token.attrSet("href", found);
          }
        }
      });
    },
  },
  themeConfig: {
    nav: [
      { text: "Start", link: "/start" },
      { text: "Guides", link: "/guides/false-alarm" },
      { text: "Methods", link: "/methods/" },
      { text: "Reference", link: "/cli" },
      { text: "Playground", link: "/playground" },
    ],
    sidebar: [
      group("Start", ["start.md", "playground.md"]),
      group("Guides", [
        "guides/false-alarm.md",
        "guides/miss.md",
        "guides/shortcut.md",
        "guides/classifier.md",
        "guides/audit-a-dataset.md",
        "guides/odd-heatmaps.md",
        "compare.md",
        "library.md",
        "browser.md",
        "serve.md",
        "mcp.md",
        "python.md",
        "scale.md",
      ]),
      group("Methods", ["methods/README.md", "faithfulness.md", "sanity-checks.md", "scores.md"]),
      group("Reference", [
        "cli.md",
        "models.md",
        "weights.md",
        "inputs.md",
        "precision.md",
        "result-json.md",
        "runs.md",
        "report.md",
        "evidence.md",
        "security.md",
        "api/reference/index.md",
      ]),
      group("Each method", methodPages, true),
      group(
        "Inside",
        ["architecture.md", "ops.md", "adding-a-method.md", "adding-an-op.md", "adding-a-model.md", "dependencies.md"],
        true,
      ),
    ],
    outline: [2, 3],
    // Guides come before the API reference, which repeats every word many times.
    search: {
      provider: "local",
      options: { miniSearch: { searchOptions: { boostDocument: (id) => (String(id).includes("/api/") ? 0.2 : 1) } } },
    },
    socialLinks: [{ icon: "github", link: repository }],
    editLink: { pattern: `${repository}/edit/main/docs/:path`, text: "Edit this page" },
    footer: { message: "MIT licence. Ultralytics' weights are AGPL-3.0 and not part of Whybox." },
  },
});
