/** Memory of the process, for reports: these never throw, though Node reads the resident size from a file. */

import { getHeapStatistics } from 'node:v8'

export interface ProcessMemory {
  /** JavaScript's heap, and what it holds outside: buffers. */
  readonly heapUsed_bytes: number
  readonly external_bytes: number
}

export function processMemory(): ProcessMemory {
  const { used_heap_size, external_memory } = getHeapStatistics()
  return { heapUsed_bytes: used_heap_size, external_bytes: external_memory }
}

/** The resident size, or where no file can be opened the largest that it ever was: that needs none. */
export function residentBytes(): number {
  try {
    return process.memoryUsage.rss()
  } catch {
    return process.resourceUsage().maxRSS * 1024
  }
}
