/**
 * Commands that arrived together are read together, and what their keys' look-ups will touch is brought near for all of them
 * at once, before the first is carried out: Database.foresee tells why. Nothing else is decided ahead: each command is
 * looked at, and runs, only when those before it are over.
 */

import { FORESEEN_MAX } from '../keyspace/database.js'
import type { Keyspace } from '../keyspace/keyspace.js'
import { Args } from '../resp/args.js'
import { COMMAND, type RequestParser } from '../resp/request.js'

/** How many commands are read at once. */
export const AHEAD_MAX = FORESEEN_MAX
/** A database of fewer keys is near enough to the processor, and a few look-ups are not worth the trouble. */
const FAR_KEYS_MIN = 10_000
const COMMANDS_MIN = 3
/** Arguments do not keep more memory than this from the longest command that stood in them. */
const RANGES_MAX = 4096

export class Ahead {
  /** The commands that `read` has found; the parser's own arguments take turns with these. */
  private readonly commands: Args[] = Array.from({ length: AHEAD_MAX }, () => new Args())
  /** Where in the buffer each ends. */
  private readonly ends = new Int32Array(AHEAD_MAX)
  private readonly hashes = new Int32Array(AHEAD_MAX)
  private foreseen = false
  /** What was read in advance is put here, so that it is read. */
  seen = 0
  /** What the parser said last: COMMAND, or why there are no more commands. */
  status = COMMAND

  /** Reads the commands at `buf[start, end)`, at most `most`, itself at most AHEAD_MAX. Returns how many there are. */
  read(parser: RequestParser, buf: Uint8Array, start: number, end: number, most: number): number {
    let count = 0
    let at = start
    this.status = COMMAND
    this.foreseen = false
    while (count < most && at < end) {
      const status = parser.parse(buf, at, end)
      if (status !== COMMAND) {
        this.status = status
        break
      }
      at = parser.next
      const args = parser.args
      parser.args = this.commands[count]!
      this.commands[count] = args
      this.ends[count++] = at
    }
    return count
  }

  /** Where the command `index` of those just read ends. */
  end(index: number): number {
    return this.ends[index]!
  }

  /** The arguments of the command `index` of those just read, which is about to be carried out. */
  command(keyspace: Keyspace, index: number): Args {
    const args = this.commands[index]!
    if (this.foreseen && args.count > 1) {
      keyspace.entries.knowHash(args.buf, args.start(1), args.end(1), this.hashes[index]!)
    }
    return args
  }

  /** Brings near what the commands just read will look for: the first argument is a key, as a rule. */
  foresee(keyspace: Keyspace, db: number, count: number): void {
    const database = keyspace.databases[db]!
    if (count < COMMANDS_MIN || database.size < FAR_KEYS_MIN) return
    const { entries } = keyspace
    for (let i = 0; i < count; i++) {
      const args = this.commands[i]!
      this.hashes[i] = args.count > 1 ? entries.hash(args.buf, args.start(1), args.end(1)) : 0
    }
    this.seen = database.foresee(this.hashes, count)
    this.foreseen = true
  }

  /** The buffer is about to be read into, or dropped: nothing here is to know or keep its bytes. */
  forget(keyspace: Keyspace, count: number): void {
    if (this.foreseen) keyspace.entries.forgetHash()
    for (let i = 0; i < count; i++) {
      const args = this.commands[i]!
      if (args.ranges.length > RANGES_MAX) this.commands[i] = new Args()
      else args.forget()
    }
  }
}
