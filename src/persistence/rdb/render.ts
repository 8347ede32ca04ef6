/**
 * An RDB file as lines of text: the visitor behind `shoal decode-rdb`. One line an item, in the file's order.
 */

import { text } from '../../bytes/ascii.js'
import { QUOTED_BYTES_MAX } from '../../bytes/text-limits.js'
import { quoted } from '../text.js'
import { VALUE_TYPES } from './format.js'
import type { RdbProblem, RdbVisitor } from './reader.js'

/** A visitor that hands each item to `line` as one line without its newline. */
export function rdbLines(line: (text: string) => void): RdbVisitor {
  const say = (said: string) => {
    line(said)
    return undefined
  }
  return {
    onHeader: (version) => say(`rdb version ${version}`),
    onAux: (key, value) =>
      say(
        `aux ${text(key.buf, key.start, key.end, QUOTED_BYTES_MAX)} = ${quoted(value.buf, value.start, value.end)}`,
      ),
    onSelectDb: (db) => say(`db ${db}`),
    onResizeDb: (keys, expires) => say(`  sizes: ${keys} keys, ${expires} with expiry`),
    onSlotInfo: (slot, keys, expires) => say(`  slot ${slot}: ${keys} keys, ${expires} with expiry`),
    onFunction: (code, start, end) => say(`function library ${quoted(code, start, end)}`),
    onModuleAux: (name, bytes) => say(`module ${name}: ${bytes} bytes of its own`),
    onEnd: (checksum) => say(checksum === 'none' ? 'end, no checksum' : 'end, checksum read'),
    onEntry: (entry) => {
      const type = VALUE_TYPES.get(entry.type)
      const size = entry.valueEnd - entry.valueStart
      let said = `  ${quoted(entry.key, entry.keyStart, entry.keyEnd)} ${type?.name ?? entry.type}`
      if (type?.name === 'string') said += ` ${quoted(entry.value, entry.valueStart, entry.valueEnd)}`
      else
        said += ` (${type?.encoding ?? 'unknown'}, ${size} bytes serialized${entry.empty ? ', empty' : ''})`
      if (entry.expireAt_ms >= 0) said += ` expires ${entry.expireAt_ms}`
      if (entry.idle_s >= 0) said += ` idle ${entry.idle_s}`
      if (entry.frequency >= 0) said += ` freq ${entry.frequency}`
      return say(said)
    },
  }
}

/** The last line of a file that could not be read. */
export function rdbProblemLine(problem: RdbProblem): string {
  const detail = problem.detail === '' ? '' : ` (${problem.detail})`
  return `error at offset ${problem.offset}: ${problem.text}${detail}`
}
