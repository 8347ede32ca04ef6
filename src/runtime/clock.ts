/** Time and randomness of the outer world, to be handed to what lies below the line. */

import { randomFillSync } from 'node:crypto'
import { performance } from 'node:perf_hooks'

export interface Clock {
  /** Milliseconds since 1970, whole. */
  now_ms(): number
  /** Microseconds of a clock that never goes back, from an arbitrary beginning. */
  monotonic_us(): number
}

export const systemClock: Clock = {
  now_ms: () => Date.now(),
  monotonic_us: () => performance.now() * 1000,
}

/** Uniform 32-bit integers from the system's generator, many fetched at a time. */
export function systemRandom32(): () => number {
  const pool = new Int32Array(1024)
  let next = pool.length
  return () => {
    if (next === pool.length) {
      randomFillSync(pool)
      next = 0
    }
    return pool[next++]!
  }
}

/** `bytes` random bytes as lower-case hexadecimal digits. */
export function randomHex(bytes: number): string {
  return randomFillSync(Buffer.alloc(bytes)).toString('hex')
}
