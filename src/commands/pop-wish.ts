/** What LMPOP and ZMPOP, and their kin that wait, are asked for: they read their arguments in the same way. */

import type { Args } from '../resp/args.js'
import type { Reply } from '../resp/reply.js'
import { SYNTAX } from './errors.js'
import { nearInteger } from './int64.js'

export interface PopWish {
  readonly firstKey: number
  readonly keys: number
  /** Whether the first of the two words stood there (LEFT, MIN), not the second (RIGHT, MAX). */
  readonly first: boolean
  readonly count: number
}

/**
 * Reads `numkeys key [key ...] <first | second> [COUNT count]` from argument `index` on, the two words given in lower case;
 * null after an error was replied.
 */
export function readPopWish(
  args: Args,
  index: number,
  first: string,
  second: string,
  reply: Reply,
): PopWish | null {
  const keys = nearInteger(args, index)
  if (!(keys > 0)) {
    reply.error('ERR numkeys should be greater than 0')
    return null
  }
  const where = index + keys + 1
  if (where >= args.count || !(args.is(where, first) || args.is(where, second))) {
    reply.error(SYNTAX)
    return null
  }
  let count = 0
  for (let i = where + 1; i < args.count; i += 2) {
    if (count !== 0 || !args.is(i, 'count') || i + 1 >= args.count) {
      reply.error(SYNTAX)
      return null
    }
    count = nearInteger(args, i + 1)
    if (!(count > 0)) {
      reply.error('ERR count should be greater than 0')
      return null
    }
  }
  return { firstKey: index + 1, keys, first: args.is(where, first), count: Math.max(count, 1) }
}
