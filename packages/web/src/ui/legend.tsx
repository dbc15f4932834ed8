import { type ColormapName, colormap } from "@whybox/core";
import { useLayoutEffect, useRef } from "preact/hooks";

/** The colour scale, from low to high heat. */
export function Legend({ name }: { readonly name: ColormapName }) {
  const ref = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const image = new ImageData(256, 1);
    const table = colormap(name);
    for (let i = 0; i < 256; i++) image.data.set([table[i * 3]!, table[i * 3 + 1]!, table[i * 3 + 2]!, 255], i * 4);
    ref.current!.getContext("2d")!.putImageData(image, 0, 0);
  }, [name]);
  return (
    <div class="legend" role="img" aria-label="Colour scale from low to high heat">
      <span>low</span>
      <canvas ref={ref} width="256" height="1" />
      <span>high</span>
    </div>
  );
}
