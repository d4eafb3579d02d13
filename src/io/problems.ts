/** A file or folder that could not be written: which, why, and how to mend it, in one line. */
export class FileProblem extends Error {
  override name = "FileProblem";
}

const elsewhere = "write to another folder (--out, PERSONA_OUTPUTS)";

/** By the system's code: what is wrong, and how to mend it. */
const problems: Readonly<Record<string, readonly [what: string, mend: string]>> = {
  ENOSPC: ["no space is left on its disk", `make room or ${elsewhere}`],
  EDQUOT: ["the disk quota is used up", `make room or ${elsewhere}`],
  EFBIG: ["the file is larger than its disk allows", elsewhere],
  EROFS: ["its disk is read-only", elsewhere],
  EACCES: ["writing there is not permitted", `change the permissions or ${elsewhere}`],
  EPERM: ["writing there is not permitted", `change the permissions or ${elsewhere}`],
  ENOTDIR: ["a file is where a folder must be", `move that file away or ${elsewhere}`],
  EEXIST: ["a file is where a folder must be", `move that file away or ${elsewhere}`],
  EISDIR: ["a folder is where a file must be", `move that folder away or ${elsewhere}`],
  ENOTEMPTY: ["a folder is where a file must be", `move that folder away or ${elsewhere}`],
  ENAMETOOLONG: ["the name is too long for its disk", "choose a shorter one"],
};

/**
 * Does something that writes to, makes or removes `path`.
 *
 * @throws {FileProblem} in place of the system's error, which has no path or says nothing to a reader
 */
export function onDisk<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    const { code, syscall, message } = cause as NodeJS.ErrnoException;
    if (code === undefined || syscall === undefined) throw cause;
    const [what, mend] = problems[code] ?? [message, elsewhere];
    throw new FileProblem(`${path}: not written, ${what} (${code}); ${mend}`, { cause });
  }
}
