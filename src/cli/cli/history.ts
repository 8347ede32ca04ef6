/** The lines that were typed, kept in a file that only the user can read. */

import { appendFileSync, readFileSync, writeFileSync } from 'node:fs'
import { type Bytes, fromBytes, toBytes } from './text.js'

export const HISTORY_LINES_MAX = 1000

export class History {
  readonly lines: Bytes[] = []
  readonly #file: string | undefined

  /** Without a file the history lives as long as the program. */
  constructor(file: string | undefined) {
    this.#file = file
    if (file === undefined) return
    let kept: Bytes[]
    try {
      kept = fromBytes(readFileSync(file))
        .split('\n')
        .filter((line) => line !== '')
    } catch {
      return // the first time
    }
    this.lines.push(...kept.slice(-HISTORY_LINES_MAX))
    if (kept.length > 2 * HISTORY_LINES_MAX)
      this.#try(() => writeFileSync(file, this.#text(this.lines), { mode: 0o600 }))
  }

  /** Adds a line, unless it repeats the last one. */
  add(line: Bytes): void {
    if (line === '' || line.includes('\n') || this.lines.at(-1) === line) return
    this.lines.push(line)
    if (this.lines.length > HISTORY_LINES_MAX) this.lines.shift()
    const file = this.#file
    if (file !== undefined) this.#try(() => appendFileSync(file, this.#text([line]), { mode: 0o600 }))
  }

  #text(lines: readonly Bytes[]): Uint8Array {
    return toBytes(lines.map((line) => `${line}\n`).join(''))
  }

  /** A history that cannot be written is no reason to stop working. */
  #try(write: () => void): void {
    try {
      write()
    } catch {}
  }
}
