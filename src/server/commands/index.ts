/** The commands about the node, of all families. */

import type { Command } from '../../commands/command.js'
import { adminCommands } from './admin.js'
import { clusterCommands } from './cluster.js'
import { connectionCommands } from './connection.js'
import { persistenceCommands } from './persistence.js'
import { pubsubCommands } from './pubsub.js'
import { replicationCommands } from './replication.js'
import { transactionCommands } from './transactions.js'

export const serverCommands: readonly Command[] = [
  ...connectionCommands,
  ...transactionCommands,
  ...pubsubCommands,
  ...persistenceCommands,
  ...replicationCommands,
  ...clusterCommands,
  ...adminCommands,
]
