/**
 * The world in which a server's configuration is read: the process's files, and what only a server knows, its
 * commands (rename-command) and the rules of users. The table is made only where a line asks for it.
 */

import { COMMANDS } from '../commands/index.js'
import { CommandTable } from '../commands/table.js'
import { Users } from './admin/acl/users.js'
import { serverCommands } from './commands/index.js'
import { fileWorld } from './config/files.js'
import type { World } from './config/parse.js'

/** As `fileWorld`, for a data node that starts in `directory` (absolute). */
export function serverWorld(directory: string): World {
  let table: CommandTable | undefined
  const commands = (): CommandTable => {
    table ??= new CommandTable([...COMMANDS, ...serverCommands])
    return table
  }
  return {
    ...fileWorld(directory),
    hasCommand: (name) => commands().get(name) !== undefined,
    checkUser: ([, ...rules]) => new Users(commands()).checkRules(rules),
  }
}
