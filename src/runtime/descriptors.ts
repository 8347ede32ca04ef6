/**
 * File descriptors: how many the process may have, and a few that are kept open so that they can be given up. Where the
 * system has no more (EMFILE, ENFILE), what must be written all the same gets one of these; it is taken back as soon as that works.
 * Node raises its soft limit to the hard one when it starts, so there is nothing here that could still be raised.
 */

import { closeSync, openSync, readFileSync } from 'node:fs'
import { devNull } from 'node:os'
import type { Disk } from './disk.js'

/** Descriptors kept: the file of a snapshot, one of the append-only file, nodes.conf, the configuration. */
const SPARES = 4

export interface Descriptors {
  /** RLIMIT_NOFILE, or null where it is unknown or there is none. */
  limit(): number | null
  /** Carries out `work`, which opens a file; once more, with a descriptor that was kept for it, where there was none left. */
  use<Result>(work: () => Result): Result
  /** Takes back spares that were given up, as far as the system has some. */
  refill(): void
  close(): void
}

/** Where descriptors are not looked after: tests, nodes that others host. */
export const noDescriptors: Descriptors = {
  limit: () => null,
  use: (work) => work(),
  refill() {},
  close() {},
}

export function isExhausted(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException
  return code === 'EMFILE' || code === 'ENFILE'
}

/** A disk that falls back on the spares where a file cannot be opened for want of a descriptor. */
export function withSpares(disk: Disk, descriptors: Descriptors): Disk {
  return {
    ...disk,
    open: (path, mode) => descriptors.use(() => disk.open(path, mode)),
    syncDirectory: (path) => descriptors.use(() => disk.syncDirectory(path)),
  }
}

export function systemDescriptors(): Descriptors {
  const spares: number[] = []
  const refill = () => {
    while (spares.length < SPARES) {
      try {
        spares.push(openSync(devNull, 'r'))
      } catch {
        return
      }
    }
  }
  refill()
  return {
    limit: readLimit,
    use(work) {
      try {
        return work()
      } catch (error) {
        const spare = isExhausted(error) ? spares.pop() : undefined
        if (spare === undefined) throw error
        closeSync(spare)
        try {
          return work()
        } finally {
          refill()
        }
      }
    },
    refill,
    close() {
      for (const fd of spares.splice(0)) closeSync(fd)
    },
  }
}

/** Linux says it in a file; elsewhere it stays unknown. */
function readLimit(): number | null {
  let text: string
  try {
    text = readFileSync('/proc/self/limits', 'latin1')
  } catch {
    return null
  }
  const soft = /^Max open files\s+(\d+|unlimited)/m.exec(text)?.[1]
  return soft === undefined || soft === 'unlimited' ? null : Number(soft)
}
