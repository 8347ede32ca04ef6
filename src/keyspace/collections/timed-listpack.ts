/**
 * The small form of hashes with fields that expire (LISTPACK_EX): a listpack of triples, field, value and time (ms since 1970, 0:
 * it does not expire), those first that expire first, and at the end those that do not. Redis's `listpackex`, in its files too.
 */

import { byteOf, chunkOf } from '../../bytes/heap.js'
import { NO_FIELD_EXPIRY } from './field-times.js'
import { type Listpacks, lpEnd, lpFirst, lpInteger, lpNext } from './listpack.js'

export const TRIPLE = 3
const NEVER = 0

/** The triple of a field, 0 if it is not there. */
export function findTriple(
  listpacks: Listpacks,
  pack: number,
  buf: Uint8Array,
  start: number,
  end: number,
): number {
  const first = lpFirst(listpacks.heap.u8[chunkOf(pack)]!, byteOf(pack))
  return listpacks.find(pack, first, TRIPLE - 1, buf, start, end)
}

/** When the field of the triple at `at` expires. */
export function tripleTime(u8: Uint8Array, base: number, at: number): number {
  const time = lpInteger(u8, base, lpNext(u8, base, lpNext(u8, base, at)))
  return time === NEVER ? NO_FIELD_EXPIRY : time
}

/** When the first field expires. */
export function firstTime(u8: Uint8Array, base: number): number {
  const first = lpFirst(u8, base)
  return first === 0 ? NO_FIELD_EXPIRY : tripleTime(u8, base, first)
}

/** How many fields expire before a time. */
export function countBefore(u8: Uint8Array, base: number, time_ms: number): number {
  let count = 0
  for (let at = lpFirst(u8, base); at !== 0; count++) {
    const time = tripleTime(u8, base, at)
    if (time === NO_FIELD_EXPIRY || time >= time_ms) break
    at = nextTriple(u8, base, at)
  }
  return count
}

/** The triple behind one, or 0. */
export function nextTriple(u8: Uint8Array, base: number, at: number): number {
  return lpNext(u8, base, lpNext(u8, base, lpNext(u8, base, at)))
}

/** Puts a triple where it belongs. Field and value must not lie in this block. Returns the block, as all that writes. */
export function insertTriple(
  listpacks: Listpacks,
  pack: number,
  field: Uint8Array,
  start: number,
  end: number,
  value: Uint8Array,
  from: number,
  to: number,
  time_ms: number,
): number {
  const u8 = listpacks.heap.u8[chunkOf(pack)]!
  const base = byteOf(pack)
  let at = lpEnd(u8, base)
  if (time_ms !== NO_FIELD_EXPIRY) {
    for (let p = lpFirst(u8, base); p !== 0; p = nextTriple(u8, base, p)) {
      const time = tripleTime(u8, base, p)
      if (time !== NO_FIELD_EXPIRY && time < time_ms) continue
      at = p
      break
    }
  }
  let made = listpacks.insertInteger(pack, at, time_ms === NO_FIELD_EXPIRY ? NEVER : time_ms)
  made = listpacks.insert(made, at, value, from, to)
  return listpacks.insert(made, at, field, start, end)
}
