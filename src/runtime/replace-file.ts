/** A small file replaced as a whole: the new one stands complete beside the old one before it takes its place. */

import { renameSync, rmSync, writeFileSync } from 'node:fs'

/**
 * Writes and syncs `temporary`, which must be in the same directory, and renames it to `path`. Throws what the system says; the old
 * file is as it was then, and nothing is left beside it.
 */
export function replaceFile(
  path: string,
  temporary: string,
  content: Uint8Array | string,
  mode: number,
): void {
  try {
    writeFileSync(temporary, content, { mode, flush: true })
    renameSync(temporary, path)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}
