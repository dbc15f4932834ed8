/** Progress of a download. `total` is undefined if the size is unknown. */
export interface DownloadProgress {
  readonly what: string;
  readonly received: number;
  readonly total: number | undefined;
}
