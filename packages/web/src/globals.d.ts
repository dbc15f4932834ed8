/** Version of the package; the build puts it in. */
declare const __WHYBOX_VERSION__: string;
