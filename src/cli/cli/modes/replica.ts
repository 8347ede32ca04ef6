/**
 * Modes that take the place of a replica: --rdb and --functions-rdb keep the file that the master sends,
 * --replica throws it away and shows the commands that follow.
 *
 * After SYNC the master answers `$<length>` or, when it does not know the length yet, `$EOF:<40 characters>`:
 * then those forty characters end the file.
 */

import { close, fsync, ftruncate, open, write } from 'node:fs'
import type { Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { encodeCommand, errorOf, feed, nextReply, replyReader } from '../../../client/index.js'
import { messageOf } from '../errors.js'
import { Exit } from '../exit.js'
import { formatReply } from '../format.js'
import type { Session } from '../session.js'
import { must } from './common.js'

const EOF_MARK_BYTES = 40
/** The line that begins the transfer. */
const HEADER_BYTES_MAX = 4096

async function replconf(session: Session, name: string, value: string): Promise<boolean> {
  session.complain(`sending REPLCONF ${name} ${value}\n`)
  const error = errorOf(await must(session, 'REPLCONF', name, value))
  if (error !== undefined) session.complain(`REPLCONF ${name} error: ${error}\n`)
  return error === undefined
}

interface Transfer {
  readonly socket: Socket
  readonly source: AsyncIterator<Uint8Array>
  /** The file's length, or undefined when a mark ends it. */
  readonly length: number | undefined
  /** The file's bytes, piece by piece, the mark among them; returns what came after the file. */
  readonly pieces: AsyncGenerator<Uint8Array, Uint8Array>
}

async function startSync(session: Session): Promise<Transfer> {
  const { socket, rest } = session.connection!.takeOver()
  session.connection = undefined
  socket.write('SYNC\r\n')
  const source = socket[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>
  let held: Uint8Array = rest
  for (;;) {
    // The master sends empty lines to show that it is alive while it prepares the file.
    while (held[0] === 10) held = held.subarray(1)
    const end = held.indexOf(10)
    if (end !== -1) {
      const line = Buffer.from(held.subarray(0, end)).toString('latin1').trimEnd()
      return transferOf(session, socket, line, held.subarray(end + 1), source)
    }
    const { done, value } = await source.next().catch(() => ({ done: true, value: undefined }) as const)
    if (done === true || held.length > HEADER_BYTES_MAX) {
      session.complain('Error reading bulk length while SYNCing\n')
      throw new Exit(1)
    }
    held = Buffer.concat([held, value])
  }
}

function transferOf(
  session: Session,
  socket: Socket,
  line: string,
  first: Uint8Array,
  source: AsyncIterator<Uint8Array>,
): Transfer {
  if (line.startsWith('-')) {
    socket.destroy()
    session.complain(`SYNC with master failed: ${line}\n`)
    throw new Exit(1)
  }
  const mark = line.startsWith('$EOF:') ? Buffer.from(line.slice(5, 5 + EOF_MARK_BYTES), 'latin1') : undefined
  const length = mark === undefined ? Number(line.slice(1)) : undefined
  return {
    socket,
    source,
    length,
    pieces: mark === undefined ? untilLength(first, source, length!) : untilMark(first, source, mark),
  }
}

async function more(source: AsyncIterator<Uint8Array>): Promise<Uint8Array> {
  const { done, value } = await source.next()
  if (done === true) throw new Error('the master closed the connection')
  return value
}

async function* untilLength(
  first: Uint8Array,
  source: AsyncIterator<Uint8Array>,
  length: number,
): AsyncGenerator<Uint8Array, Uint8Array> {
  let left = length
  for (let piece = first; ; piece = await more(source)) {
    if (piece.length >= left) {
      yield piece.subarray(0, left)
      return piece.subarray(left)
    }
    left -= piece.length
    yield piece
  }
}

async function* untilMark(
  first: Uint8Array,
  source: AsyncIterator<Uint8Array>,
  mark: Uint8Array,
): AsyncGenerator<Uint8Array, Uint8Array> {
  // The mark may be cut: the last bytes of a piece are looked at once more together with the next.
  let tail = new Uint8Array(0)
  for (let piece = first; ; piece = await more(source)) {
    const joined = Buffer.concat([tail, piece])
    const at = joined.indexOf(mark)
    if (at !== -1) {
      const end = at + mark.length - tail.length
      yield piece.subarray(0, end)
      return piece.subarray(end)
    }
    tail = new Uint8Array(joined.subarray(Math.max(0, joined.length - mark.length + 1)))
    yield piece
  }
}

export async function fetchRdb(session: Session, functionsOnly: boolean): Promise<number> {
  const file = session.options.rdbFile
  await replconf(session, 'capa', 'eof')
  await replconf(session, 'rdb-only', '1')
  if (functionsOnly && !(await replconf(session, 'rdb-filter-only', 'functions'))) {
    session.complain('Failed requesting functions only RDB from server, aborting\n')
    return 1
  }
  const transfer = await startSync(session)
  session.complain(
    transfer.length === undefined
      ? `SYNC sent to master, writing bytes of bulk transfer until EOF marker to '${file}'\n`
      : `SYNC sent to master, writing ${transfer.length} bytes to '${file}'\n`,
  )
  try {
    const written = await save(session, file, transfer)
    session.complain(
      transfer.length === undefined
        ? `Transfer finished with success after ${written} bytes\n`
        : 'Transfer finished with success.\n',
    )
    return 0
  } finally {
    transfer.socket.destroy()
  }
}

/** Writes the file, to the disk before it returns; gives its length. */
async function save(session: Session, file: string, transfer: Transfer): Promise<number> {
  const fail = (text: string): never => {
    session.complain(`${text}\n`)
    throw new Exit(1)
  }
  const mark = transfer.length === undefined ? EOF_MARK_BYTES : 0
  let total = 0
  if (file === '-') {
    let held: Uint8Array = new Uint8Array(0)
    for await (const piece of pieces(transfer, fail)) {
      total += piece.length
      held = Buffer.concat([held, piece])
      session.io.stdout.write(held.subarray(0, Math.max(0, held.length - mark)))
      held = held.subarray(Math.max(0, held.length - mark))
    }
    return total - mark
  }
  const fd = await promisify(open)(file, 'w', 0o644).catch((error) =>
    fail(`Error opening '${file}': ${messageOf(error)}`),
  )
  try {
    for await (const piece of pieces(transfer, fail)) {
      await writeAll(fd, piece).catch((error) => fail(`Error writing data to file: ${messageOf(error)}`))
      total += piece.length
    }
    await promisify(ftruncate)(fd, total - mark)
    await promisify(fsync)(fd).catch((error) => fail(`Fail to fsync '${file}': ${messageOf(error)}`))
  } finally {
    await promisify(close)(fd)
  }
  return total - mark
}

async function writeAll(fd: number, piece: Uint8Array): Promise<void> {
  for (let at = 0; at < piece.length; ) at += (await promisify(write)(fd, piece, at)).bytesWritten
}

async function* pieces(transfer: Transfer, fail: (text: string) => never): AsyncGenerator<Uint8Array> {
  for (;;) {
    const next = await transfer.pieces.next().catch(() => fail('I/O Error reading RDB payload from socket'))
    if (next.done === true) return
    yield next.value
  }
}

export async function showReplication(session: Session): Promise<number> {
  await replconf(session, 'capa', 'eof')
  await replconf(session, 'rdb-filter-only', '')
  await followMaster(session)
  return 0
}

/** SYNC, the file thrown away, then every command that the master sends, as CSV. Returns when the master is gone. */
export async function followMaster(session: Session): Promise<void> {
  const transfer = await startSync(session)
  session.complain(
    transfer.length === undefined
      ? 'SYNC with master, discarding bytes of bulk transfer until EOF marker...\n'
      : `SYNC with master, discarding ${transfer.length} bytes of bulk transfer...\n`,
  )
  let total = 0
  let rest: Uint8Array
  for (;;) {
    const next = await transfer.pieces.next().catch(() => undefined)
    if (next === undefined) {
      session.complain('Error reading RDB payload while SYNCing\n')
      throw new Exit(1)
    }
    if (next.done === true) {
      rest = next.value
      break
    }
    total += next.value.length
  }
  if (transfer.length === undefined) {
    session.complain(`SYNC done after ${total} bytes. Logging commands from master.\n`)
    await sleep(1000) // the master counts us as online only after it has seen an acknowledgement
    session.complain('sending REPLCONF ACK 0\n')
    transfer.socket.write(encodeCommand(['REPLCONF', 'ACK', '0']))
  } else session.complain('SYNC done. Logging commands from master.\n')
  const reader = replyReader()
  feed(reader, rest)
  for (;;) {
    const read = nextReply(reader)
    if (read.state === 'broken') break
    if (read.state === 'reply') {
      session.print(formatReply(read.reply, 'csv', session.delimiters))
      continue
    }
    const { done, value } = await transfer.source
      .next()
      .catch(() => ({ done: true, value: undefined }) as const)
    if (done === true) break
    feed(reader, value)
  }
  session.complain('Error: Server closed the connection\n')
}
