/** The state folder: whose it is, who may look into it, and how much room is left. */
import { statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { systemCode } from "../../core/kit/errors.ts";
import { fail, ok, warn, type Check } from "./check.ts";

const enoughBytes = 1024 ** 3;
const leastBytes = 64 * 1024 ** 2;

export const stateCheck: Check = {
  name: "state folder",
  meaning: "alerts, waiting notifications and the token are kept there; a full disk loses them",
  run({ stateFolder: folder }) {
    let exists = folder;
    try {
      const found = statSync(folder);
      if (!found.isDirectory())
        return fail(`${folder} is not a folder`, "name another with --state.folder");
      if (found.uid !== process.getuid?.())
        return warn(
          `${folder} belongs to another user`,
          "run as that user, or name the folder of this one with --state.folder",
        );
      if ((found.mode & 0o077) !== 0)
        return fail(`${folder} is open to other users`, `chmod 700 ${folder}: the token is in it`);
    } catch (thrown) {
      if (systemCode(thrown) !== "ENOENT")
        return fail(
          `${folder} can't be looked at (${systemCode(thrown)})`,
          "run as the user of the agent",
        );
      exists = nearestExisting(folder);
    }
    const { bavail, bsize } = statfsSync(exists);
    const free = bavail * bsize;
    const room = `${(free / 1024 ** 3).toFixed(1)} GiB free`;
    const made = exists === folder ? "" : ", made at the first start";
    if (free < leastBytes)
      return fail(`${folder}: only ${room}`, "free some space: nothing can be kept");
    return free < enoughBytes
      ? warn(`${folder}: only ${room}`, "free some space before it is full")
      : ok(`${folder}${made}: ${room}`);
  },
};

function nearestExisting(folder: string): string {
  const parent = dirname(folder);
  try {
    statSync(parent);
    return parent;
  } catch {
    return parent === folder ? "/" : nearestExisting(parent);
  }
}
