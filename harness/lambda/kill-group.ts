/** A function's process leads a group of its own: what it has started ends with it, as all of a sandbox does on Lambda. */
export function killGroup(pid: number): void {
  try {
    // Windows knows no groups.
    process.kill(process.platform === 'win32' ? pid : -pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}
