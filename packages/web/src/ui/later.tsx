import type { ComponentType, FunctionComponent, VNode } from "preact";
import { useEffect, useState } from "preact/hooks";

type Later<P> = FunctionComponent<P> & { readonly ahead: () => Promise<void> };

/** A component whose script loads when it is first shown, or before by `ahead`. `meanwhile` keeps its place. */
export function later<P extends object>(
  load: () => Promise<ComponentType<P>>,
  meanwhile: VNode | null = null,
): Later<P> {
  let loaded: ComponentType<P> | undefined;
  const ahead = async () => {
    loaded ??= await load().catch(() => Unavailable);
  };
  const Later = (props: P) => {
    const [Part, setPart] = useState(() => loaded);
    useEffect(() => void ahead().then(() => setPart(() => loaded)), []);
    return Part === undefined ? meanwhile : <Part {...props} />;
  };
  return Object.assign(Later, { ahead });
}

function Unavailable() {
  return <p class="hint">This part of the page could not be loaded. Reload the page.</p>;
}
