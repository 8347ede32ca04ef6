/**
 * The snapshot as it comes from the master, in one of two frames:
 *
 *     $<length>\r\n<bytes>                  from a file, whose length is known
 *     $EOF:<40 characters>\r\n<bytes><the same 40 characters>      while it is being made
 *
 * Before it, empty lines: the master is still preparing. In the second frame nothing follows the end mark until the
 * replica has acknowledged; so the mark is looked for only at the end of what has arrived, never inside.
 */
import { ascii, latin1 } from './wire.js'

const MARK_LENGTH = 40
/** Longest first line, as Redis reads it. */
const LINE_BYTES_MAX = 1024

export interface Transfer {
  /** Bytes of the first line, while it is not complete. */
  line: string
  begun: boolean
  /** Announced length; -1 with an end mark. */
  size: number
  /** Bytes of the snapshot handed out. */
  read: number
  mark: Uint8Array | null
  /** The last bytes that arrived, which may be the mark. */
  tail: Uint8Array
  tailLength: number
  ended: boolean
}

export function createTransfer(): Transfer {
  return {
    line: '',
    begun: false,
    size: -1,
    read: 0,
    mark: null,
    tail: new Uint8Array(MARK_LENGTH),
    tailLength: 0,
    ended: false,
  }
}

export type TransferEvent =
  /** An empty line: the master is alive. */
  | { kind: 'alive' }
  | { kind: 'begin'; size: number; mark: string }
  | { kind: 'chunk'; bytes: Uint8Array; start: number; end: number }
  | { kind: 'end' }
  /** The first line says that there will be no snapshot. */
  | { kind: 'refused'; line: string }
  | { kind: 'malformed'; line: string }

/** Takes in `bytes[start, end)`; returns up to where: what follows the snapshot is not its business. */
export function readTransfer(
  t: Transfer,
  bytes: Uint8Array,
  start: number,
  end: number,
  events: TransferEvent[],
): number {
  let at = start
  while (at < end && !t.begun && !t.ended) at = readFirstLine(t, bytes, at, end, events)
  if (!t.begun || t.ended || at === end) return at
  if (t.mark !== null) {
    readMarked(t, t.mark, bytes, at, end, events)
    return end
  }
  const until = Math.min(end, at + t.size - t.read)
  emit(t, bytes, at, until, events)
  if (t.read === t.size) finish(t, events)
  return until
}

function readFirstLine(
  t: Transfer,
  bytes: Uint8Array,
  at: number,
  end: number,
  events: TransferEvent[],
): number {
  const newline = bytes.indexOf(10, at)
  const lineEnd = newline === -1 || newline >= end ? end : newline
  t.line += latin1(bytes, at, lineEnd, LINE_BYTES_MAX)
  if (lineEnd === end) {
    if (t.line.length > LINE_BYTES_MAX) refuse(t, 'malformed', events)
    return end
  }
  const line = t.line.endsWith('\r') ? t.line.slice(0, -1) : t.line
  t.line = ''
  if (line === '') {
    events.push({ kind: 'alive' })
    return newline + 1
  }
  if (line.startsWith('-')) {
    t.line = line.slice(1)
    refuse(t, 'refused', events)
    return newline + 1
  }
  const marked = /^\$EOF:(.{40})/s.exec(line)
  const sized = /^\$(\d{1,15})$/.exec(line)
  if (marked !== null) t.mark = ascii(marked[1]!)
  else if (sized !== null) t.size = Number(sized[1])
  else {
    t.line = line
    refuse(t, 'malformed', events)
    return newline + 1
  }
  t.begun = true
  events.push({ kind: 'begin', size: t.size, mark: marked?.[1] ?? '' })
  if (t.size === 0) finish(t, events)
  return newline + 1
}

function refuse(t: Transfer, kind: 'refused' | 'malformed', events: TransferEvent[]): void {
  t.ended = true
  events.push({ kind, line: t.line })
}

function finish(t: Transfer, events: TransferEvent[]): void {
  t.ended = true
  events.push({ kind: 'end' })
}

function emit(t: Transfer, bytes: Uint8Array, start: number, end: number, events: TransferEvent[]): void {
  if (start === end) return
  t.read += end - start
  events.push({ kind: 'chunk', bytes, start, end })
}

/** Hands out all but the last 40 bytes seen, and ends when those are the mark. */
function readMarked(
  t: Transfer,
  mark: Uint8Array,
  bytes: Uint8Array,
  start: number,
  end: number,
  events: TransferEvent[],
): void {
  const fresh = end - start
  const surplus = t.tailLength + fresh - MARK_LENGTH
  const fromTail = Math.max(0, Math.min(t.tailLength, surplus))
  if (fromTail > 0) {
    emit(t, t.tail.slice(0, fromTail), 0, fromTail, events)
    t.tail.copyWithin(0, fromTail, t.tailLength)
    t.tailLength -= fromTail
  }
  const direct = Math.max(0, surplus - fromTail)
  emit(t, bytes, start, start + direct, events)
  t.tail.set(bytes.subarray(start + direct, end), t.tailLength)
  t.tailLength += fresh - direct
  if (t.tailLength === MARK_LENGTH && t.tail.every((byte, i) => byte === mark[i])) finish(t, events)
}
