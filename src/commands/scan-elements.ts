/** HSCAN, SSCAN, ZSCAN: some of a collection's elements and where to go on. The guarantee is the table's (keyspace/table.ts). */

import { globMatch } from '../bytes/glob.js'
import type { Piece } from '../keyspace/collections/piece.js'
import type { Args } from '../resp/args.js'
import type { Reply } from '../resp/reply.js'
import type { Call } from './call.js'
import { collectionToRead, WRONG } from './collection.js'
import { BUCKETS_A_KEY, readCursor, readScanOptions, type ScanOptions } from './generic/scan.js'

/** How elements of one type are walked and shown. */
export interface Elements {
  scan(handle: number, cursor: number, visit: () => void): number
  /** What MATCH looks at: the name of the element that is visited. */
  readonly name: Piece
  /** Replies with the element that is visited, in so many pieces; 0 where it must not be seen. */
  show(): number
}

/** Carries the command out; `elementsOf` says how the elements of the collection `handle` are walked. */
export function scanElements(
  call: Call,
  args: Args,
  type: number,
  also: 'novalues' | 'nothing',
  reply: Reply,
  elementsOf: (handle: number, options: ScanOptions) => Elements,
): void {
  let cursor = readCursor(args, 2, reply)
  if (cursor === null) return
  const handle = collectionToRead(call, args, 1, type, reply)
  if (handle === WRONG) return
  if (handle === 0) {
    reply.array(2)
    reply.bulkInt(0)
    reply.array(0)
    return
  }
  const options = readScanOptions(args, 3, also, reply)
  if (options === null) return
  const { count, match } = options
  const elements = elementsOf(handle, options)
  const { name } = elements
  const from = reply.leaveGap()
  let seen = 0
  let shown = 0
  const visit = () => {
    seen++
    const matches =
      match === 0 || globMatch(args.buf, args.start(match), args.end(match), name.buf, name.start, name.end)
    if (matches) shown += elements.show()
  }
  let buckets = count * BUCKETS_A_KEY
  do cursor = elements.scan(handle, cursor, visit)
  while (cursor !== 0 && buckets-- > 0 && seen < count)
  reply.scanHead(from, cursor, shown)
}
