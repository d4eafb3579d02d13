export { downloadFile, type DownloadOptions, type DownloadProgress, type RetryPolicy } from "./download";
export { HubError, type HubErrorCode } from "./errors";
export { hubAccess, type HubAccess, type HubFile } from "./location";
