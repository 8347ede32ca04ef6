/** Time of the processor, for bounds on what an operation costs: unlike the clock's it stays the same on a busy machine. */

/** Milliseconds that this process has used, all its threads together. */
export function cpu_ms(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}
