import { useEffect, useRef, useState } from "preact/hooks";
import type { ReportData } from "./data.js";
import { drawRow, inImage } from "./draw.js";

interface RowCanvasProps {
  readonly data: ReportData;
  readonly row: number;
  readonly opacity: number;
  /** Longest side in CSS pixels. */
  readonly side: number;
  /** True to show the whole image instead of the region around the box. */
  readonly whole?: boolean;
}

/** A row's image with its map and box. It is drawn when it becomes visible. */
export function RowCanvas({ data, row, opacity, side, ...more }: RowCanvasProps) {
  const whole = more.whole === true || !data.facts.hasBoxes;
  const ref = useRef<HTMLCanvasElement>(null);
  const [missing, setMissing] = useState(false);
  const { columns, list } = data;
  const image = columns.image[row]!;
  const region = whole ? { x: 0, y: 0, width: list.width[image]!, height: list.height[image]! } : inImage(data, row);
  const scale = side / Math.max(region.width, region.height);
  useEffect(() => {
    let current = true;
    const canvas = ref.current!;
    const others = whole && data.facts.hasBoxes ? rowsOfImage(data, row) : [];
    const draw = async () => {
      // Draws on a separate canvas, so that a slow drawing does not overwrite a later one.
      const own = document.createElement("canvas");
      const hasImage = await drawRow(own, data, row, { region, side, opacity, whole, others });
      if (!current) return;
      canvas.width = own.width;
      canvas.height = own.height;
      canvas.getContext("2d")!.drawImage(own, 0, 0);
      setMissing(!hasImage);
    };
    draw().catch((error: unknown) => console.error(error));
    return () => {
      current = false;
    };
  }, [row, opacity, side, whole]);
  return (
    <span class="row-image">
      <canvas
        ref={ref}
        style={{ width: `${Math.round(region.width * scale)}px`, height: `${Math.round(region.height * scale)}px` }}
      />
      {missing && <span class="no-image">image not in the report</span>}
    </span>
  );
}

function rowsOfImage({ columns }: ReportData, row: number): number[] {
  const image = columns.image[row]!;
  const rows: number[] = [];
  for (let i = columns.image.indexOf(image); columns.image[i] === image; i++) rows.push(i);
  return rows;
}
