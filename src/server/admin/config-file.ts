/** CONFIG REWRITE on a disk: the new text stands complete and synced beside the old one before it takes its place. */

import {
  chmodSync,
  closeSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname } from 'node:path'
import type { Config } from '../config/config.js'
import { errorText } from '../config/files.js'
import { configRewrite } from '../config/rewrite.js'
import { bytesOf, uncappedTextOf } from '../config/text.js'

const MODE = 0o644

function readOld(path: string): string {
  try {
    return uncappedTextOf(readFileSync(path))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

function syncDirectory(path: string): void {
  const fd = openSync(dirname(path), 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Rewrites the file; `users` as ACL LIST shows them. Returns the system's reason when it cannot. */
export function rewriteConfigFile(
  config: Config,
  path: string,
  users: readonly string[] | undefined,
  everything = false,
): string | undefined {
  const temporary = `${path}.${process.pid}.rewrite`
  try {
    const text = configRewrite(config, readOld(path), { users, everything })
    const fd = openSync(temporary, 'w', MODE)
    try {
      writeFileSync(fd, bytesOf(text))
      fsyncSync(fd)
    } finally {
      closeSync(fd)
    }
    chmodSync(temporary, MODE & ~process.umask())
    renameSync(temporary, path)
    syncDirectory(path)
    return undefined
  } catch (error) {
    rmSync(temporary, { force: true })
    return errorText(error)
  }
}
