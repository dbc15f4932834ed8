import type { ComponentType, FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";

type Later<P> = FunctionComponent<P> & { readonly ahead: () => Promise<void> };

/** A component whose script loads when it is first shown, or before by `ahead`. */
export function later<P extends object>(load: () => Promise<ComponentType<P>>): Later<P> {
  let loaded: ComponentType<P> | undefined;
  const ahead = async () => {
    loaded ??= await load().catch(() => Unavailable);
  };
  const Later = (props: P) => {
    const [Part, setPart] = useState(() => loaded);
    useEffect(() => void ahead().then(() => setPart(() => loaded)), []);
    return Part === undefined ? null : <Part {...props} />;
  };
  return Object.assign(Later, { ahead });
}

function Unavailable() {
  return <p class="hint">This part of the page could not be loaded. Reload the page.</p>;
}
