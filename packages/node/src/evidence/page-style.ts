/** The style of the page of a bundle, after that of all pages. A calm document for screen and paper. */
export const pageStyle = `
main { max-width: 60rem; margin: 0 auto; padding: clamp(20px, 4vw, 48px) clamp(16px, 3vw, 32px) 64px; }
section { margin-top: 44px; }
h1 { max-width: 44rem; font-size: clamp(1.5rem, 3.4vw, 2.1rem); line-height: 1.2; letter-spacing: -0.01em; overflow-wrap: anywhere; text-wrap: balance; }
h2 { margin-bottom: 12px; padding-bottom: 6px; border-bottom: 1px solid var(--line); font-size: 1.2rem; }
h3 { margin: 20px 0 6px; font-size: 1rem; }
main p { max-width: 46rem; margin: 8px 0; text-wrap: pretty; }
code { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: 0.86em; overflow-wrap: anywhere; }
.flag { white-space: nowrap; }
.kind { color: var(--faint); font-weight: 600; letter-spacing: 0.06em; text-transform: uppercase; font-size: 0.8rem; }
.unstated { color: var(--faint); }
.lead { font-size: 1.07rem; }
.facts { display: grid; grid-template-columns: minmax(7.5rem, max-content) 1fr; gap: 5px 20px; margin: 14px 0; }
.facts dt { color: var(--faint); overflow-wrap: anywhere; }
.facts dd { min-width: 0; overflow-wrap: anywhere; }
.facts .digest, td.digest { font-family: ui-monospace, "SF Mono", Menlo, Consolas, monospace; font-size: 0.82rem; overflow-wrap: anywhere; }
.status { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 12.5rem), 1fr)); gap: 0; margin-top: 22px; border: 1px solid var(--line); border-radius: var(--radius); background: var(--raised); overflow: hidden; }
.status li { display: flex; flex-direction: column; gap: 2px; padding: 12px 16px; box-shadow: 1px 1px 0 var(--line); }
.status span { color: var(--faint); font-size: 0.87rem; }
.status strong { font-weight: 600; }
.status .is-open strong::before { content: "! "; color: var(--care); font-weight: 700; }
.status .is-done strong::before { content: "✓ "; color: var(--faint); }
.limits { margin: 0; padding-left: 1.5rem; max-width: 48rem; }
.limits li { margin: 8px 0; padding-left: 4px; }
.limits code { color: var(--faint); white-space: nowrap; }
.plain { max-width: 46rem; margin: 10px 0; }
.plain li { margin: 6px 0; }
table { width: 100%; margin: 12px 0; border-collapse: collapse; font-size: 0.93rem; font-variant-numeric: tabular-nums; }
th { padding: 6px 12px 6px 0; border-bottom: 1px solid var(--edge); text-align: left; vertical-align: bottom; color: var(--faint); font-weight: 500; }
td { padding: 7px 12px 7px 0; border-bottom: 1px solid var(--line); vertical-align: top; overflow-wrap: anywhere; }
td.digest { overflow-wrap: anywhere; word-break: break-all; }
.right { text-align: right; }
.plot { display: block; margin-top: 3px; }
.plot .axis { stroke: var(--line); }
.plot .zero { stroke: var(--edge); }
.plot .range { stroke: var(--accent); stroke-width: 2.5; }
.plot circle { fill: var(--accent); }
.verdict { white-space: nowrap; }
.verdict.is-fail { color: var(--bad); font-weight: 600; }
.verdict.is-pass { font-weight: 600; }
.verdict.is-none, .verdict.is-undecided { color: var(--faint); }
.maps { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 13rem), 1fr)); gap: 20px 16px; margin-top: 14px; align-items: end; }
.maps img { display: block; max-width: 100%; height: auto; max-height: 15rem; border-radius: 4px; }
figcaption { margin-top: 6px; font-size: 0.9rem; overflow-wrap: anywhere; }
.form { display: grid; grid-template-columns: 1fr 1fr; gap: 18px 28px; margin-top: 14px; }
.form dt { color: var(--faint); font-size: 0.9rem; }
.form dd { height: 2.2rem; border-bottom: 1px solid var(--edge); }
.form .is-tall { grid-column: 1 / -1; }
.form .is-tall dd { height: 7rem; border: 1px solid var(--edge); border-radius: 4px; margin-top: 4px; }
@media (max-width: 40rem) {
  .facts { grid-template-columns: 1fr; gap: 0; }
  .facts dd { margin-bottom: 8px; }
  .form { grid-template-columns: 1fr; }
  /* A row becomes a card, so that nothing scrolls sideways. */
  table, tbody, tr, td { display: block; width: 100%; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  tr { padding: 8px 0; border-bottom: 1px solid var(--line); }
  td { display: grid; grid-template-columns: 8.5rem 1fr; gap: 10px; padding: 2px 0; border: 0; text-align: left; }
  td.right { text-align: left; }
  td::before { content: attr(data-title); color: var(--faint); }
}
@page { margin: 18mm 16mm; }
@media print {
  :root { color-scheme: light; --ground: #fff; --raised: #fff; --sunken: #fff; --ink: #000; --faint: #444; --line: #bbb; --edge: #666; --accent: #000; --bad: #000; --care: #000; font-size: 9.5pt; }
  main { max-width: none; padding: 0; }
  section { margin-top: 22pt; }
  h2, h3 { break-after: avoid; }
  tr, figure, .status, .form, .limits li { break-inside: avoid; }
  thead { display: table-header-group; }
  .maps { grid-template-columns: repeat(4, 1fr); }
  .maps img { print-color-adjust: exact; }
}
`;
