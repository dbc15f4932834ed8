// What is measured: the methods, the maps that no network is needed for.
import { defaultMethods } from "@whybox/core";
import { gaussianAtBox } from "whybox";

/** The maps of a box that know nothing of the network: values over the input, from its size and the box in it. */
export const BASELINES = {
  Gaussian: ([height, width], box) => gaussianAtBox(height, width, box).data,
  "flat ellipse": ([height, width], box) => ellipse([height, width], box),
  // All values are equal, and equal values are ordered at random.
  "constant or random": ([height, width]) => new Float32Array(height * width),
};

/** The rows that the differences are taken to. */
export const REFERENCES = ["Gaussian", "GradCAM", "tap-fusion"];

/** What Whybox explains a detection with by default, and the best known method. */
const DEFAULT = ["search", "tap-fusion", "tap-fusion-fast", "GradCAM"];
const MOST_USED = [...DEFAULT, "HiResCAM", "LayerCAM", "EigenCAM"];

/** Options of slow methods: fewer samples. Search runs its whole plan, so that the load of the machine does not change its figures. */
export const OPTIONS = {
  search: { budget: 3600 },
  "D-RISE": { samples: 300 },
  SmoothGrad: { samples: 10 },
  IntegratedGradients: { samples: 12 },
};

const ids = defaultMethods.map(({ id }) => id);
const rowsOf = (wanted) => [...Object.keys(BASELINES), ...wanted.filter((id) => ids.includes(id))];
const mostUsed = rowsOf(MOST_USED);
const all = [...mostUsed, ...ids.filter((id) => !mostUsed.includes(id))];
/** The rows of a network, by its `rows` in networks.json. */
export const ROWS = { default: rowsOf(DEFAULT), "most used": mostUsed, all };
export const isMostUsed = (row) => mostUsed.includes(row);

function ellipse([height, width], { x1, y1, x2, y2 }) {
  const [middleX, middleY] = [(x1 + x2) / 2, (y1 + y2) / 2];
  return Float32Array.from({ length: height * width }, (_, i) => {
    const u = ((i % width) + 0.5 - middleX) / ((x2 - x1) / 2);
    const v = (Math.floor(i / width) + 0.5 - middleY) / ((y2 - y1) / 2);
    return u * u + v * v <= 1 ? 1 : 0;
  });
}
