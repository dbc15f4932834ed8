import type { CanvasHTMLAttributes } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

interface ImageCanvasProps extends CanvasHTMLAttributes<HTMLCanvasElement> {
  readonly make: () => ImageData;
  /** What `make` reads. The pixels are made again when it changes. */
  readonly from: readonly unknown[];
}

export function ImageCanvas({ make, from, ...attributes }: ImageCanvasProps) {
  const ref = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const image = make();
    const canvas = ref.current!;
    canvas.width = image.width;
    canvas.height = image.height;
    canvas.getContext("2d")!.putImageData(image, 0, 0);
  }, from);
  return <canvas ref={ref} {...attributes} />;
}
