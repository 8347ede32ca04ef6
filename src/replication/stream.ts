/**
 * The master's stream on the replica's side: bytes arrive in any pieces, whole commands go out.
 *
 * It is read as far as needed to find where commands end, and to notice the few that concern the stream itself:
 * SELECT, MULTI and EXEC, REPLCONF GETACK. A transaction is handed out whole: what was applied is what a
 * partial synchronisation goes on from, and half a transaction would be lost.
 *
 * Commands are handed out as ranges: of the very buffer that arrived, where it holds them completely; only what is
 * cut off at its end is copied.
 */
import { ascii, latin1 } from './wire.js'

/** Longest line (`*<count>`, `$<length>`) that a master may send, as Redis limits it. */
const LINE_BYTES_MAX = 64 * 1024
/** Longest argument: proto-max-bulk-len's default; the master has checked its own setting already. */
const BULK_BYTES_MAX = 512 * 1024 * 1024
const ARGS_MAX = 0x7fffffff
/** Most that is kept of commands (or of a transaction) that are not complete: client-query-buffer-limit's default. */
const CARRY_BYTES_MAX = 1024 * 1024 * 1024
/** A buffer above this size is given back when it has become empty. */
const CARRY_KEEP_BYTES = 64 * 1024

/** The commands that concern the stream itself. */
const OTHER = 0
const SELECT = 1
const MULTI = 2
const EXEC = 3
const DISCARD = 4
const REPLCONF = 5
const GETACK = 6

const WORDS: readonly (readonly [number, Uint8Array])[] = [
  [SELECT, ascii('select')],
  [MULTI, ascii('multi')],
  [EXEC, ascii('exec')],
  [DISCARD, ascii('discard')],
  [REPLCONF, ascii('replconf')],
]
const GETACK_WORD = ascii('getack')

export interface CommandStream {
  /** Database selected where the applied part ends. */
  db: number
  /** What has been read and not handed out: `carry[0, carried)`. */
  carry: Uint8Array
  carried: number
  /** Bytes at the beginning of `carry` that were handed out, and go when the next ones come. */
  done: number
  /** How far into `carry` the reading has come: here begins the next line. */
  scanned: number
  /** Arguments still to come of the command under way; 0 between commands. */
  argsLeft: number
  /** Number of the argument that comes next. */
  argIndex: number
  /** Which command it is, as far as that matters, and where it begins. */
  command: number
  commandAt: number
  inMulti: boolean
  /** Database selected inside of the transaction that is not complete. */
  multiDb: number
}

export function createStream(db: number): CommandStream {
  return {
    db,
    carry: new Uint8Array(0),
    carried: 0,
    done: 0,
    scanned: 0,
    argsLeft: 0,
    argIndex: 0,
    command: OTHER,
    commandAt: 0,
    inMulti: false,
    multiDb: db,
  }
}

/** Bytes read that do not make whole commands yet. */
export function unappliedBytes(s: CommandStream): number {
  return s.carried - s.done
}

/**
 * What became of a piece of the stream: `commands` whole commands to be applied, `bytes[start, end)`, with `db`
 * selected at their beginning; `getack` the range of a REPLCONF GETACK, which is answered before it counts.
 */
export type StreamEvent =
  | { kind: 'commands'; bytes: Uint8Array; start: number; end: number; db: number }
  | { kind: 'getack'; bytes: Uint8Array; start: number; end: number }

/**
 * Takes in `bytes[start, end)`. The events' ranges are valid until the next call. A string is a reason: this is not
 * a stream of commands, and nothing more can be read from it.
 */
export function readStream(
  s: CommandStream,
  bytes: Uint8Array,
  start: number,
  end: number,
  events: StreamEvent[],
): string | null {
  if (unappliedBytes(s) === 0) {
    // Nothing left over: read the caller's buffer itself.
    s.done = 0
    s.scanned = start
    s.commandAt = start
    const reason = scan(s, bytes, start, end, events)
    if (reason !== null) return reason
    keepRest(s, bytes, s.done, end)
    return null
  }
  const from = s.done
  if (from > 0) {
    s.carry.copyWithin(0, from, s.carried)
    s.carried -= from
    s.scanned -= from
    s.commandAt -= from
    s.done = 0
  }
  if (s.carried + end - start > CARRY_BYTES_MAX) return 'too much of a command that does not end'
  appendCarry(s, bytes, start, end)
  const reason = scan(s, s.carry, 0, s.carried, events)
  if (reason !== null) return reason
  if (s.done === s.carried && s.carry.length > CARRY_KEEP_BYTES) s.carry = new Uint8Array(0)
  return null
}

/** Copies what the caller's buffer holds beyond the last whole command. */
function keepRest(s: CommandStream, bytes: Uint8Array, from: number, end: number): void {
  s.carried = 0
  s.done = 0
  if (from === end) return
  s.scanned -= from
  s.commandAt -= from
  appendCarry(s, bytes, from, end)
}

function appendCarry(s: CommandStream, bytes: Uint8Array, start: number, end: number): void {
  const needed = s.carried + end - start
  if (needed > s.carry.length) {
    const larger = new Uint8Array(Math.max(needed, s.carry.length * 2, 16 * 1024))
    larger.set(s.carry.subarray(0, s.carried))
    s.carry = larger
  }
  s.carry.set(bytes.subarray(start, end), s.carried)
  s.carried = needed
}

/** Reads on in `bytes` up to `end`; leaves in `s.done` where the last whole command ended. */
function scan(
  s: CommandStream,
  bytes: Uint8Array,
  from: number,
  end: number,
  events: StreamEvent[],
): string | null {
  let handed = from
  let db = s.db
  s.done = from
  for (;;) {
    const next = s.argsLeft === 0 ? beginCommand(s, bytes, end) : readArgument(s, bytes, end)
    if (typeof next === 'string') return next
    if (!next) break
    if (s.argsLeft > 0) continue
    if (s.command === MULTI) s.inMulti = true
    else if (s.command === EXEC || s.command === DISCARD) s.inMulti = false
    if (s.inMulti) continue
    if (s.command === GETACK) {
      if (s.commandAt > handed) events.push({ kind: 'commands', bytes, start: handed, end: s.commandAt, db })
      events.push({ kind: 'getack', bytes, start: s.commandAt, end: s.scanned })
      handed = s.scanned
      db = s.multiDb
    }
    s.done = s.scanned
    s.db = s.multiDb
  }
  if (s.done > handed) events.push({ kind: 'commands', bytes, start: handed, end: s.done, db })
  return null
}

/** The line `*<count>`. False: not here completely. An empty line is a command of its own, of no arguments. */
function beginCommand(s: CommandStream, bytes: Uint8Array, end: number): boolean | string {
  s.commandAt = s.scanned
  s.argIndex = 0
  s.command = OTHER
  if (s.scanned === end) return false
  const newline = findNewline(bytes, s.scanned, end)
  if (newline === -1) return end - s.scanned > LINE_BYTES_MAX ? 'too big mbulk count string' : false
  const lineEnd = bytes[newline - 1] === 13 && newline > s.scanned ? newline - 1 : newline
  if (lineEnd === s.scanned) {
    s.scanned = newline + 1
    return true
  }
  if (bytes[s.scanned] !== 0x2a) return INLINE_FROM_MASTER
  const count = readLength(bytes, s.scanned + 1, lineEnd, ARGS_MAX)
  if (count === -1) return 'invalid multibulk length'
  s.scanned = newline + 1
  s.argsLeft = count
  return true
}

/** A master speaks in arrays; anything else means that we have lost our place in its stream. */
export const INLINE_FROM_MASTER = 'Master using the inline protocol. Desync?'

/** The line `$<length>` and the argument after it. False: not here completely. */
function readArgument(s: CommandStream, bytes: Uint8Array, end: number): boolean | string {
  const newline = findNewline(bytes, s.scanned, end)
  if (newline === -1) return end - s.scanned > LINE_BYTES_MAX ? 'too big bulk count string' : false
  if (bytes[s.scanned] !== 0x24) return `expected '$', got '${latin1(bytes, s.scanned, s.scanned + 1, 1)}'`
  const lineEnd = newline > s.scanned && bytes[newline - 1] === 13 ? newline - 1 : newline
  const length = readLength(bytes, s.scanned + 1, lineEnd, BULK_BYTES_MAX)
  if (length === -1) return 'invalid bulk length'
  const argAt = newline + 1
  if (end - argAt < length + 2) return false
  if (s.argIndex === 0) s.command = commandAt(bytes, argAt, argAt + length)
  else if (s.argIndex === 1 && s.command !== OTHER) readSecond(s, bytes, argAt, argAt + length)
  s.scanned = argAt + length + 2
  s.argsLeft--
  s.argIndex++
  return true
}

function findNewline(bytes: Uint8Array, from: number, end: number): number {
  for (let at = from; at < end; at++) if (bytes[at] === 10) return at
  return -1
}

/** A length in ASCII digits, at most `max`; -1 if it is none. */
function readLength(bytes: Uint8Array, start: number, end: number, max: number): number {
  if (start === end) return -1
  let value = 0
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
    if (value > max) return -1
  }
  return value
}

function commandAt(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length < 4 || length > 8) return OTHER
  for (const [command, word] of WORDS) if (isWord(bytes, start, end, word)) return command
  return OTHER
}

function isWord(bytes: Uint8Array, start: number, end: number, word: Uint8Array): boolean {
  if (end - start !== word.length) return false
  for (let i = 0; i < word.length; i++) if ((bytes[start + i]! | 0x20) !== word[i]) return false
  return true
}

/** The second argument matters to SELECT, which takes effect where the transaction around it does, and to REPLCONF. */
function readSecond(s: CommandStream, bytes: Uint8Array, start: number, end: number): void {
  if (s.command === REPLCONF && isWord(bytes, start, end, GETACK_WORD)) s.command = GETACK
  if (s.command !== SELECT) return
  const db = readLength(bytes, start, end, 0x7fffffff)
  if (db !== -1) s.multiDb = db
}
