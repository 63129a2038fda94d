/**
 * What a machine or a container lacks when a kernel file isn't there, in one sentence that says what to do about it.
 * Names of options are those of the kernel's Kconfig files.
 */

/** Files that every kernel has: it is the mount that is missing. */
export function missingProcfs(path: string): string {
  return `${path} isn't there: mount the host's /proc and name it with --path.procfs`;
}

export function missingSysfs(path: string): string {
  return `${path} isn't there: mount the host's /sys and name it with --path.sysfs`;
}

/** Files that the kernel has when it was built or started so. */
export function missingOption(path: string, option: string): string {
  return `${path} isn't there: the kernel lacks ${option}`;
}

/** Files that come with a module, which may not be loaded or not be built. */
export function missingModule(path: string, module: string, option: string): string {
  return `${path} isn't there: the module ${module} isn't loaded, or the kernel lacks ${option}`;
}
