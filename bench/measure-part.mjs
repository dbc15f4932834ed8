// Measures one part of `npm run bench` for one checkout, or for two in turns.
import { commitOf, interleaved, ratio, timed } from "./measure.mjs";

/** Opens the plain passes that a part names. By default one, of the size of the photo. */
async function openPlain({ plain = { plain: {} } }) {
  const { plainForward } = await import("./subject.mjs");
  const opened = await Promise.all(
    Object.entries(plain).map(async ([name, options]) => [name, await plainForward(options)]),
  );
  return {
    actions: Object.fromEntries(opened.map(([name, { run }]) => [name, run])),
    close: () => Promise.all(opened.map(([, { release }]) => release())),
  };
}

async function openSides(part, sides) {
  if (part.open === undefined) return {};
  const subject = await import("./subject.mjs");
  const opened = {};
  for (const [label, side] of Object.entries(sides)) opened[label] = await part.open(side, subject);
  return opened;
}

const labelled = (label, actions) =>
  Object.fromEntries(Object.entries(actions).map(([name, action]) => [`${label} ${name}`, action]));

async function once(actions) {
  const ms = {};
  for (const [name, action] of Object.entries(actions)) ms[name] = (await timed(action)).ms;
  return { ms, counts: Object.fromEntries(Object.keys(ms).map((name) => [name, 1])) };
}

/** The rows of a part: `now`, and `before` where another checkout ran in turns with this one. */
export async function measurePart(part, sides) {
  const plain = await openPlain(part);
  const opened = await openSides(part, sides);
  const own = Object.entries(opened).map(([label, { actions }]) => labelled(label, actions));
  const actions = Object.assign({ ...plain.actions }, ...own);
  const { ms, counts } = part.once ? await once(actions) : await interleaved(actions);
  const plainMs = Object.fromEntries(Object.keys(plain.actions).map((name) => [name, ratio(ms[name])]));
  const labels = part.open === undefined ? ["now"] : Object.keys(opened);
  const rows = part.rows.map(({ name, of, unit, aim, value = (times) => times[of] / times.plain }) => {
    const measured = (label) => {
      const times = { ...ms };
      for (const key of Object.keys(opened[label]?.actions ?? {})) times[key] = ms[`${label} ${key}`];
      return ratio(value(times, opened[label]));
    };
    const values = Object.fromEntries(labels.map((label) => [label, measured(label)]));
    const repeats = Math.min(...labels.map((label) => counts[`${label} ${of}`] ?? counts[of]));
    return { name, ...(unit ? { unit } : {}), ...(aim ? { aim } : {}), ...values, repeats };
  });
  await Promise.all(Object.values(opened).map(({ close }) => close()));
  await plain.close();
  return { ...(opened.before ? { before: commitOf(sides.before.root) } : {}), plainMs, rows };
}

export function printPart(part, { commit, before, plainMs, rows }) {
  const compared = before === undefined ? commit : `${commit} now, ${before} before`;
  const plain = Object.entries(plainMs).map(([name, ms]) => `${name} pass ${ms.toFixed(1)} ms`);
  console.log(`\n${[part.title, compared, ...plain].join(" · ")}`);
  for (const { name, unit = "", aim, now, before: old, repeats } of rows) {
    const against = old === undefined ? "" : ` · before ${old}${unit} · now/before ${ratio(now / old)}`;
    const goal = aim === undefined ? "" : ` · aim ${aim}${unit}`;
    console.log(`  ${name.padEnd(76)} ${now}${unit}${against}${goal} (${repeats} ×)`);
  }
}
