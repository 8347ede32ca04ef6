/**
 * Large collections piece by piece: how a snapshot writes one that has too many elements to be written at once, while it
 * changes (keyspace/collections/walks.ts). A piece is an element of a hash, set or sorted set, whose order files leave open,
 * or a node of a list.
 */

import { formatDigits } from '../../bytes/double.js'
import type { Dictionary } from '../../keyspace/collections/dictionary.js'
import { NO_FIELD_EXPIRY } from '../../keyspace/collections/field-times.js'
import { lpFirst, lpNext, lpRead } from '../../keyspace/collections/listpack.js'
import { Piece } from '../../keyspace/collections/piece.js'
import type { Quicklist } from '../../keyspace/collections/quicklist.js'
import type { Ranking } from '../../keyspace/collections/ranking.js'
import { refOf } from '../../keyspace/collections/value.js'
import { ElementWalk, ListWalk, type PieceWalk } from '../../keyspace/collections/walks.js'
import { HASH, HASHTABLE, QUICKLIST, SKIPLIST, STREAM_ENCODING } from '../../keyspace/entries.js'
import type { Keyspace } from '../../keyspace/keyspace.js'
import { writeArgument, writeCommandStart, writeTextArgument } from '../aof/record.js'
import type { RdbWriter } from '../rdb/writer.js'
import { ByteSink } from '../sink.js'
import { REWRITE_ITEMS_MAX } from './codec.js'
import { fileTime, writeFieldTime } from './hash-times.js'
import { hasListNodes, writeListNode } from './list.js'
import { piecesOfStream } from './stream.js'

/** What a codec writes at once is no more than this many elements, or nodes of a list. */
const ELEMENTS_AT_ONCE = 512
const NODES_AT_ONCE = 4
/** What a node of a list weighs, in elements. */
const NODE_ELEMENTS = 64

export interface Pieces {
  /** Writes what stands in front of that number in RDB data. */
  head?(writer: RdbWriter): void
  /** The number that stands in front of the elements in RDB data of a version. */
  count(version: number): number
  /** How many elements a piece stands for, where work is measured out. */
  readonly weight: number
  walk(show: (piece: number) => void): PieceWalk
  write(writer: RdbWriter, piece: number): void
  /** Puts the piece into commands that make the collection. */
  rewrite(batch: CommandBatch, piece: number): void
  /** The command of which `rewrite` gives the arguments behind the key. */
  readonly command: string
  /** What stands behind the elements in RDB data of a version, as it is now. */
  tail?(version: number): Uint8Array
  /** Commands that are to follow, as it is now. */
  tailCommands?(): Uint8Array
}

/** How to write an entry's value in pieces; undefined where it is small enough to be written at once. */
export function piecesOf(keyspace: Keyspace, handle: number): Pieces | undefined {
  const { entries } = keyspace
  const encoding = entries.encoding(handle)
  if (encoding === HASHTABLE) {
    const dictionary = keyspace.large.get(refOf(entries, handle)) as Dictionary
    if (dictionary.size <= ELEMENTS_AT_ONCE) return undefined
    if (entries.type(handle) !== HASH) return piecesOfSet(dictionary)
    return dictionary.timed ? piecesOfTimedHash(dictionary) : piecesOfHash(dictionary)
  }
  if (encoding === SKIPLIST) {
    const ranking = keyspace.large.get(refOf(entries, handle)) as Ranking
    return ranking.size <= ELEMENTS_AT_ONCE ? undefined : piecesOfRanking(ranking)
  }
  if (encoding === QUICKLIST) {
    const list = keyspace.large.get(refOf(entries, handle)) as Quicklist
    return list.nodes <= NODES_AT_ONCE ? undefined : piecesOfList(keyspace, list)
  }
  if (encoding === STREAM_ENCODING) {
    const stream = keyspace.streams.of(handle)
    if (stream.nodes.size <= NODES_AT_ONCE) return undefined
    return piecesOfStream(keyspace, stream, entries.key(handle).slice(), NODE_ELEMENTS)
  }
  return undefined
}

function piecesOfHash(dictionary: Dictionary): Pieces {
  return {
    count: () => dictionary.size,
    weight: 1,
    walk: (show) => new ElementWalk(dictionary, show),
    write(writer, element) {
      const u8 = dictionary.bytesOf(element)
      const field = dictionary.fieldStart(element)
      const value = dictionary.valueStart(element)
      writer.string(u8, field, value)
      writer.string(u8, value, value + dictionary.valueLength(element))
    },
    command: 'HMSET',
    rewrite(batch, element) {
      const u8 = dictionary.bytesOf(element)
      const field = dictionary.fieldStart(element)
      const value = dictionary.valueStart(element)
      const sink = batch.item(2)
      writeArgument(sink, u8, field, value)
      writeArgument(sink, u8, value, value + dictionary.valueLength(element))
    },
  }
}

/** As `piecesOfHash`, with the times of the fields; each of these is relative to the first. */
function piecesOfTimedHash(dictionary: Dictionary): Pieces {
  const first = dictionary.expiryOf(dictionary.firstDeadline())
  const plain = piecesOfHash(dictionary)
  return {
    ...plain,
    head: (writer) => writer.time(first),
    write(writer, element) {
      writer.length(fileTime(dictionary.expiryOf(element), first))
      plain.write(writer, element)
    },
    rewrite(batch, element) {
      plain.rewrite(batch, element)
      const time_ms = dictionary.expiryOf(element)
      if (time_ms === NO_FIELD_EXPIRY) return
      const u8 = dictionary.bytesOf(element)
      const end = dictionary.valueStart(element)
      const start = dictionary.fieldStart(element)
      writeFieldTime(batch.after, batch.key, 0, batch.key.length, time_ms, u8, start, end)
    },
  }
}

function piecesOfSet(dictionary: Dictionary): Pieces {
  return {
    count: () => dictionary.size,
    weight: 1,
    walk: (show) => new ElementWalk(dictionary, show),
    write(writer, element) {
      writer.string(
        dictionary.bytesOf(element),
        dictionary.fieldStart(element),
        dictionary.valueStart(element),
      )
    },
    command: 'SADD',
    rewrite(batch, element) {
      const u8 = dictionary.bytesOf(element)
      writeArgument(batch.item(1), u8, dictionary.fieldStart(element), dictionary.valueStart(element))
    },
  }
}

function piecesOfRanking(ranking: Ranking): Pieces {
  return {
    count: () => ranking.size,
    weight: 1,
    walk: (show) => new ElementWalk(ranking, show),
    write(writer, element) {
      const start = ranking.memberStart(element)
      writer.string(ranking.bytesOf(element), start, start + ranking.memberLength(element))
      writer.sink.double(ranking.score(element))
    },
    command: 'ZADD',
    rewrite(batch, element) {
      const start = ranking.memberStart(element)
      const sink = batch.item(2)
      writeTextArgument(sink, formatDigits(ranking.score(element)))
      writeArgument(sink, ranking.bytesOf(element), start, start + ranking.memberLength(element))
    },
  }
}

function piecesOfList(keyspace: Keyspace, list: Quicklist): Pieces {
  const piece = new Piece()
  return {
    count: (version) => (hasListNodes(version) ? list.nodes : list.size),
    weight: NODE_ELEMENTS,
    walk: (show) => new ListWalk(list, show, (copy) => keyspace.large.drop(copy)),
    write: (writer, node) => writeListNode(writer, list, keyspace, node),
    command: 'RPUSH',
    rewrite(batch, node) {
      const u8 = list.bytesOf(node)
      const base = list.start(node)
      if (list.isPlain(node)) {
        writeArgument(batch.item(1), u8, base, base + list.contentBytes(node))
        return
      }
      for (let at = lpFirst(u8, base); at !== 0; at = lpNext(u8, base, at)) {
        lpRead(u8, base, at, piece)
        writeArgument(batch.item(1), piece.buf, piece.start, piece.end)
      }
    },
  }
}

/** Elements on their way into commands, which say in front how many arguments they have. */
export class CommandBatch {
  /** Where finished commands go. */
  sink: ByteSink
  private readonly command: string
  readonly key: Uint8Array
  /** Commands that are to follow when the items written so far are in one. */
  readonly after = new ByteSink()
  private readonly held = new ByteSink()
  private items = 0
  private argumentCount = 0

  constructor(sink: ByteSink, command: string, key: Uint8Array) {
    this.sink = sink
    this.command = command
    this.key = key
  }

  /** Where the next item's arguments, so many, are to be written. */
  item(count: number): ByteSink {
    if (this.items === REWRITE_ITEMS_MAX) this.flush()
    this.items++
    this.argumentCount += count
    return this.held
  }

  flush(): void {
    if (this.items === 0) return
    writeCommandStart(this.sink, 2 + this.argumentCount)
    writeTextArgument(this.sink, this.command)
    writeArgument(this.sink, this.key, 0, this.key.length)
    this.sink.bytes(this.held.buf, 0, this.held.pos)
    this.sink.bytes(this.after.buf, 0, this.after.pos)
    this.held.pos = 0
    this.after.pos = 0
    this.items = 0
    this.argumentCount = 0
  }
}
