/**
 * What goes into every call of this room besides its input, and what comes out of it.
 *
 * A `Turn` brings the time and a source of identifiers and collects effects. Whoever called carries the effects
 * out, in order, before the next call: their byte ranges point into buffers that the next call may reuse.
 */

/** A client connection, by the number that the server knows it under. */
export type LinkId = number

export type LogLevel = 'debug' | 'verbose' | 'notice' | 'warning'

export type Role = 'master' | 'replica'

export type Effect =
  | { kind: 'log'; level: LogLevel; text: string }
  /** Bytes to a replica (or to a client that asked to become one). */
  | { kind: 'send'; to: LinkId; bytes: Uint8Array; start: number; end: number }
  /** The connection is to be ended: at once, or, with `afterOutput`, when what was sent has left. */
  | { kind: 'closeLink'; link: LinkId; why: CloseReason; afterOutput: boolean }
  /**
   * A snapshot of the dataset as it is at this very moment is to be begun. `socket`: its bytes come back through
   * `snapshotChunk` as they are made. `disk`: it becomes a file, reported by `snapshotDone`. Either may fail:
   * `snapshotDone` with `ok: false`.
   */
  | {
      kind: 'startSnapshot'
      id: number
      target: SnapshotTarget
      excludeData: boolean
      excludeFunctions: boolean
      info: SnapshotInfo
    }
  /** Nobody waits for the snapshot any more. */
  | { kind: 'cancelSnapshot'; id: number }
  /** The file of a `disk` snapshot follows its announced length on this link; then `fileSent` is to be called. */
  | { kind: 'sendFile'; to: LinkId; id: number }
  /** A WAIT or WAITAOF of this client has ended. */
  | { kind: 'waitDone'; client: LinkId; replicas: number; local: number; aof: boolean }
  /** WAITAOF cannot be answered: append-only was turned off meanwhile. */
  | { kind: 'waitFailed'; client: LinkId; error: string }
  /** Clients that write are to be held (FAILOVER), or let go again. */
  | { kind: 'pauseWrites'; paused: boolean }
  /**
   * The node's role, or its master, has changed. Blocked clients are to be told (`-UNBLOCKED`), the append-only
   * file is to be turned on again if a synchronisation had turned it off.
   */
  | { kind: 'role'; role: Role; host: string; port: number }
  /** A connection to the master is to be opened; its events come back with the same number. */
  | { kind: 'connect'; attempt: number; host: string; port: number }
  | { kind: 'sendMaster'; attempt: number; bytes: Uint8Array }
  | { kind: 'closeMaster'; attempt: number }
  /** No more is to be read from the master until `resumeMaster`. */
  | { kind: 'pauseMaster'; attempt: number }
  | { kind: 'resumeMaster'; attempt: number }
  /**
   * The master's snapshot arrives: begin, chunks, end. `size` is -1 when it is not known beforehand. With
   * `parse: 'whole'` the bytes are to be kept until `transferEnd`, and the old dataset with them: it may still be
   * needed. With `'asItComes'` the old dataset was given up (`flushData` came before), and the bytes can be loaded
   * while they arrive; with `'beside'` they are loaded into a second dataset which takes the first one's place. With
   * `sameHistory` the old dataset is an earlier state of the new one, and clients may read it meanwhile.
   */
  | { kind: 'transferBegin'; size: number; parse: ParseMode; sameHistory: boolean }
  | { kind: 'transferChunk'; bytes: Uint8Array; start: number; end: number }
  /** The whole snapshot is here. It is to be loaded, and `loadFinished` to be called. */
  | { kind: 'transferEnd' }
  /** What has arrived of it is to be thrown away. */
  | { kind: 'transferAbort' }
  /** The dataset is to be emptied: another one comes. */
  | { kind: 'flushData' }
  /** With `parse: 'beside'`: the loaded dataset takes the place of the old one. */
  | { kind: 'swapData' }
  /** Whole commands of the master, to be run with the database `db` selected at the first. */
  | { kind: 'apply'; bytes: Uint8Array; start: number; end: number; db: number }
  /** The link to the master is in use, after a full or a partial synchronisation; or it is no more. */
  | { kind: 'masterLink'; up: boolean; full: boolean }

export type CloseReason =
  | 'error'
  | 'history-changed'
  | 'output-limit'
  | 'timeout'
  | 'rdb-only'
  | 'snapshot-failed'

export type SnapshotTarget = 'socket' | 'disk'

export type ParseMode = 'whole' | 'asItComes' | 'beside'

/** The replication fields of an RDB file: `repl-stream-db`, `repl-id`, `repl-offset`. */
export interface SnapshotInfo {
  streamDb: number
  replid: string
  offset: number
}

/** One call: its time, its randomness, its outcome. */
export interface Turn {
  now_ms: number
  /** 40 random hexadecimal digits; also used as the end mark of a streamed snapshot. */
  randomId: () => string
  effects: Effect[]
}

export function createTurn(now_ms: number, randomId: () => string): Turn {
  return { now_ms, randomId, effects: [] }
}

export function log(turn: Turn, level: LogLevel, text: string): void {
  turn.effects.push({ kind: 'log', level, text })
}

export function send(turn: Turn, to: LinkId, bytes: Uint8Array): void {
  turn.effects.push({ kind: 'send', to, bytes, start: 0, end: bytes.length })
}
