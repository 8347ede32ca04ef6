/** A listpack as text, for DEBUG LISTPACK: its size, and each element with its offset. */

import { byteOf, chunkOf } from '../../bytes/heap.js'
import { LISTPACK_EX } from '../../keyspace/collections/field-times.js'
import { lpBytes, lpCount, lpFirst, lpNext, lpRead } from '../../keyspace/collections/listpack.js'
import { Piece } from '../../keyspace/collections/piece.js'
import { refOf } from '../../keyspace/collections/value.js'
import type { Database } from '../../keyspace/database.js'
import { LISTPACK } from '../../keyspace/entries.js'

const SHOWN_BYTES = 40

/** The lines, or null where the value of an entry is kept otherwise. */
export function listpackText(db: Database, handle: number): string[] | null {
  const { entries, keyspace } = db
  const encoding = entries.encoding(handle)
  if (encoding !== LISTPACK && encoding !== LISTPACK_EX) return null
  const ref = refOf(entries, handle)
  const pack = encoding === LISTPACK ? ref : keyspace.fieldTimes.pack(ref)
  const u8 = keyspace.heap.u8[chunkOf(pack)]!
  const base = byteOf(pack)
  const piece = new Piece()
  const lines = [`{total bytes ${lpBytes(u8, base)}} {num entries ${lpCount(u8, base)}}`]
  for (let at = lpFirst(u8, base), index = 0; at !== 0; at = lpNext(u8, base, at), index++) {
    lpRead(u8, base, at, piece)
    const shown = piece.text(SHOWN_BYTES)
    lines.push(`{index ${index} offset ${at} length ${piece.length}} ${JSON.stringify(shown)}`)
  }
  return lines
}
