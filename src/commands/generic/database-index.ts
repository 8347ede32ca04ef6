/** The number of a database among the arguments of COPY, MOVE and SWAPDB. */

import type { Args } from '../../resp/args.js'
import type { Reply } from '../../resp/reply.js'
import { NOT_AN_INTEGER } from '../errors.js'
import { nearInteger } from '../int64.js'

const INT_MIN = -(2 ** 31)
const INT_MAX = 2 ** 31 - 1

/** The 32-bit integer in argument `index`, or NaN after an error was replied: `message`, or Redis's general ones. */
export function readInt32(args: Args, index: number, reply: Reply, message?: string): number {
  const value = nearInteger(args, index)
  if (value >= INT_MIN && value <= INT_MAX) return value
  if (message !== undefined) reply.error(message)
  else if (Number.isNaN(value)) reply.error(NOT_AN_INTEGER)
  else reply.error(`ERR value is out of range, value must between ${INT_MIN} and ${INT_MAX}`)
  return Number.NaN
}
