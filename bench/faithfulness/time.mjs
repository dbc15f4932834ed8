import { decodeImage } from "whybox";
import { median, ratio, timed } from "../measure.mjs";
import { openNetwork } from "./subjects.mjs";

/** Boxes whose time is measured: the surest of these many images. */
const BOXES = 3;
const REPEATS = 3;
const WARM = 10;
/** A row that takes longer is measured on one box, without a call to warm up. Seconds. */
const LONG = 2;

/** Measures the time of an explanation of one box for each row, in seconds and in plain passes. Returns whether all rows are done. */
export async function timeRows({ network, threads, images, rows, isLate, add }) {
  if (rows.length === 0) return true;
  const opened = await openNetwork(network, threads);
  try {
    const decoded = await Promise.all(images.slice(0, BOXES).map(({ path }) => decodeImage(path)));
    // The first passes are slower: the code is compiled.
    for (let i = 0; i < WARM; i++) await opened.plainPass(decoded[0]);
    const plain = median(await times(decoded, (image) => opened.plainPass(image)));
    for (const row of rows) {
      if (isLate()) return false;
      const explain = async (image) => {
        const options = { ...opened.options(row), detections: [0] };
        const { maps } = await opened.detector.explain(image, options);
        // A heatmap is computed when it is first read.
        if (!(maps[0].heatmap.data[0] >= 0)) throw new Error(`The heatmap of ${row} has no numbers.`);
      };
      const first = (await timed(() => explain(decoded[0]))).ms;
      const ms = first > 1000 * LONG ? first : median(await times(decoded, explain));
      add({ network: network.name, row, time: true, seconds: ratio(ms / 1000), passes: ratio(ms / plain) });
      console.error(`${network.name}, ${row}: ${(ms / 1000).toFixed(2)} s`);
    }
    return true;
  } finally {
    await opened.dispose();
  }
}

async function times(images, action) {
  const found = [];
  for (const image of images) {
    await action(image);
    for (let i = 0; i < REPEATS; i++) found.push((await timed(() => action(image))).ms);
  }
  return found;
}
