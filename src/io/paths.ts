import { relative, isAbsolute, sep } from "path/posix";

/** The path as people read it: relative where it lies below the working directory. */

export function shownPath(path: string): string {
  const way = relative(process.cwd(), path);
  return (way.startsWith("..") || isAbsolute(way) ? path : way).split(sep).join("/");
}
