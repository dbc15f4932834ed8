/** Version of the package. The build sets it. */
declare const __WHYBOX_VERSION__: string;
