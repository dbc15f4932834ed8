import cliProgress from "cli-progress";

/** A progress bar on a terminal. */
export interface Bar {
  /** Shows the state. `fields` are the texts in the format. A new or cleared bar starts again. */
  show(value: number, total: number, fields: Readonly<Record<string, string>>): void;
  /** Removes the bar from the screen, so that lines can be printed. */
  clear(): void;
}

export function createBar(stream: NodeJS.WritableStream, format: string): Bar {
  let bar: cliProgress.SingleBar | undefined;
  return {
    show(value, total, fields) {
      if (bar === undefined) {
        bar = new cliProgress.SingleBar({ format, stream, clearOnComplete: true, barsize: 30 });
        bar.start(total, value, fields);
      }
      bar.setTotal(total);
      bar.update(value, fields);
    },
    clear() {
      bar?.stop();
      bar = undefined;
    },
  };
}
