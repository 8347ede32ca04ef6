/** The commands of all families; the node's own commands (CONFIG, CLUSTER, …) stand in server/. */

import type { Command } from './command.js'
import { EXPIRY_FAMILY } from './generic/expiry.js'
import { KEY_FAMILY } from './generic/keys.js'
import { COUNTER_FAMILY } from './string/counters.js'
import { SET_FAMILY } from './string/get-set.js'
import { MULTI_FAMILY } from './string/multi.js'

export const COMMANDS: readonly Command[] = [
  ...SET_FAMILY,
  ...COUNTER_FAMILY,
  ...MULTI_FAMILY,
  ...KEY_FAMILY,
  ...EXPIRY_FAMILY,
]
