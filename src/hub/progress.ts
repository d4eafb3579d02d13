import { type Progress, startProgress } from "../display";
import type { DownloadProgress } from "./download";

/** Shows a download in the notebook or terminal, in megabytes that are still to come, where that is known, when it starts. */
export function showDownload(label: string): (progress: DownloadProgress) => void {
  let progress: Progress | undefined;
  let base = 0;
  let shown = 0;
  return ({ receivedBytes, totalBytes }) => {
    if (!progress) {
      base = receivedBytes;
      progress = startProgress(label, totalBytes === null ? null : Math.ceil((totalBytes - base) / 1e6), {
        unit: "MB",
      });
    }
    const megabytes = Math.floor((receivedBytes - base) / 1e6);
    progress.advance(megabytes - shown);
    shown = megabytes;
    if (receivedBytes === totalBytes) progress.finish();
  };
}
