import { colormap } from "@whybox/core";
import { useLayoutEffect, useRef } from "preact/hooks";

/** The colour map from cold to hot. */
export function Legend({ name }: { readonly name: string }) {
  const ref = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const image = new ImageData(256, 1);
    const table = colormap(name);
    for (let i = 0; i < 256; i++) image.data.set([table[i * 3]!, table[i * 3 + 1]!, table[i * 3 + 2]!, 255], i * 4);
    ref.current!.getContext("2d")!.putImageData(image, 0, 0);
  }, [name]);
  return (
    <div class="legend" role="img" aria-label="Colours: from what spoke little to what spoke most">
      <span>spoke little</span>
      <canvas ref={ref} width="256" height="1" />
      <span>spoke most</span>
    </div>
  );
}
