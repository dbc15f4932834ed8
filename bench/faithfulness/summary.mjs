import { meanInterval } from "whybox";
import { median } from "../measure.mjs";
import { REFERENCES, ROWS } from "./rows.mjs";

const KEYS = ["A", "B", "C", "W"];
const SIZES = ["small", "medium", "large"];

/** The figures of each row on each network, with the differences to the reference rows, whole and by size. */
export function summarise({ networks, images, records }) {
  const files = new Map(images.map(({ sha256, file }) => [sha256, file]));
  return {
    images: images.length,
    // A network of which nothing is measured yet is left out.
    networks: networks.flatMap(({ name, source, sha256, rows }) => {
      const own = records.filter(({ network }) => network === name);
      const cases = own.filter(({ image, figures }) => files.has(image) && figures);
      const times = new Map(own.filter(({ time }) => time).map((record) => [record.row, record]));
      const byRow = groupBy(cases, ({ row }) => row);
      const summaries = ROWS[rows].filter((row) => byRow.has(row)).map((row) => summary(row, byRow, times.get(row)));
      const sample = sampleOf(byRow.get(REFERENCES[0]) ?? []);
      return sample.detections === 0 ? [] : [{ name, source, sha256, sample, rows: summaries }];
    }),
  };
}

function summary(row, byRow, time) {
  const cases = byRow.get(row);
  const against = REFERENCES.filter((reference) => reference !== row && byRow.has(reference));
  const others = Object.fromEntries(against.map((reference) => [reference, pairs(cases, byRow.get(reference))]));
  return {
    name: row,
    detections: cases.length,
    images: imageCount(cases),
    ...(time ? { seconds: time.seconds, passes: time.passes } : {}),
    figures: Object.fromEntries(KEYS.map((key) => [key, interval(cases, ({ figures }) => figures[key])])),
    region: rounded(median(cases.map(({ figures }) => figures.region))),
    against: Object.fromEntries(
      against.map((reference) => [reference, { ...differences(others[reference]), bySize: bySize(others[reference]) }]),
    ),
  };
}

/** Each case with that of the same detection in another row. */
function pairs(cases, others) {
  const place = ({ image, number }) => `${image} ${number}`;
  const found = new Map(others.map((other) => [place(other), other]));
  return cases.filter((one) => found.has(place(one))).map((one) => ({ ...one, other: found.get(place(one)) }));
}

function differences(cases) {
  if (cases.length === 0) return null;
  return Object.fromEntries(
    KEYS.map((key) => [key, interval(cases, ({ figures, other }) => figures[key] - other.figures[key])]),
  );
}

function bySize(cases) {
  return Object.fromEntries(
    SIZES.map((size) => {
      const some = cases.filter(({ detection }) => detection.size === size);
      return [
        size,
        some.length === 0 ? null : { detections: some.length, images: imageCount(some), ...differences(some) },
      ];
    }),
  );
}

/** The mean and its interval over images. */
function interval(cases, of) {
  const { mean, low, high } = meanInterval(cases.map(of), { groups: cases.map(({ image }) => image) });
  return [mean, low, high].map(rounded);
}

function sampleOf(cases) {
  const count = (of) => Object.fromEntries([...groupBy(cases, of)].map(([key, some]) => [key, some.length]));
  return {
    detections: cases.length,
    images: imageCount(cases),
    sizes: count(({ detection }) => detection.size),
    classes: count(({ detection }) => detection.className),
  };
}

function imageCount(cases) {
  return new Set(cases.map(({ image }) => image)).size;
}

function rounded(value) {
  return Math.round(value * 10_000) / 10_000;
}

function groupBy(items, keyOf) {
  const groups = new Map();
  for (const item of items) {
    const key = keyOf(item);
    groups.set(key, [...(groups.get(key) ?? []), item]);
  }
  return groups;
}
