/** An append-only file and its manifest as lines of text: what stands behind `shoal decode-aof`. */

import { quoted } from '../text.js'
import type { Manifest } from './manifest.js'
import type { AofProblem, AofVisitor } from './reader.js'

/** A visitor that hands each command and timestamp to `line` as one line without its newline. */
export function aofLines(line: (text: string) => void): AofVisitor {
  return {
    onCommand: (buf, count, ranges) => {
      const words: string[] = []
      for (let i = 0; i < count; i++) words.push(quoted(buf, ranges[i * 2]!, ranges[i * 2 + 1]!))
      line(words.join(' '))
      return undefined
    },
    onTimestamp: (at_s) => {
      line(`# written at ${at_s} (${new Date(at_s * 1000).toISOString()})`)
      return true
    },
  }
}

/** The last line of a file that could not be read. */
export function aofProblemLine(problem: AofProblem): string {
  return `error at offset ${problem.offset}: ${problem.text}`
}

/** The manifest, one line a file. */
export function manifestLines(manifest: Manifest): string[] {
  const files = [
    ...(manifest.base === undefined ? [] : [manifest.base]),
    ...manifest.history,
    ...manifest.incr,
  ]
  return files.map((file) => `${file.type.padEnd(7)} ${file.seq} ${file.name}`)
}
