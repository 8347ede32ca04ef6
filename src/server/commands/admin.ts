/** The commands of the administration. */

import type { Command } from '../../commands/command.js'
import { aclCommand } from './acl.js'
import { authCommands } from './auth.js'
import { clientCommand } from './client.js'
import { commandCommand } from './command.js'
import { configCommand } from './config.js'
import { debugCommand } from './debug.js'
import { infoCommands } from './info.js'
import { latencyCommand } from './latency.js'
import { memoryCommand } from './memory.js'
import { moduleCommand } from './module.js'
import { shutdownCommand } from './shutdown.js'
import { slowCommands } from './slowlog.js'

export const adminCommands: readonly Command[] = [
  ...authCommands,
  ...infoCommands,
  ...slowCommands,
  aclCommand,
  clientCommand,
  commandCommand,
  configCommand,
  debugCommand,
  latencyCommand,
  memoryCommand,
  moduleCommand,
  shutdownCommand,
]
