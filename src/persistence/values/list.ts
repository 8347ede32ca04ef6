/**
 * Lists in files: the nodes as they are where the version knows lists of listpacks, else elements one by one, which every
 * version knows; reading, ziplists and chains of them too.
 */

import { byteOf, chunkOf } from '../../bytes/heap.js'
import { lpFirst, lpNext, lpRead, lpValidate } from '../../keyspace/collections/listpack.js'
import type { Quicklist } from '../../keyspace/collections/quicklist.js'
import { refOf } from '../../keyspace/collections/value.js'
import type { Keyspace } from '../../keyspace/keyspace.js'
import { writeArgument, writeCommandStart, writeTextArgument } from '../aof/record.js'
import { DecodedString } from '../rdb/cursor.js'
import * as format from '../rdb/format.js'
import type { RdbWriter } from '../rdb/writer.js'
import {
  BAD_VALUE,
  EMPTY_VALUE,
  REWRITE_ITEMS_MAX,
  UNKNOWN_VALUE,
  type ValueCodec,
  ValueReader,
} from './codec.js'
import { readZiplist } from './ziplist.js'

/** Version 10 came with listpacks in the place of ziplists. */
const LISTPACK_SINCE = 10
// What a node of a quicklist holds.
const PLAIN = 1
const PACKED = 2

/** Whether files of a version hold lists node by node, and not element by element. */
export function hasListNodes(version: number): boolean {
  return version >= LISTPACK_SINCE
}

/** A node of a list, or its elements, as the writer's version has it. */
export function writeListNode(writer: RdbWriter, list: Quicklist, keyspace: Keyspace, node: number): void {
  const u8 = list.bytesOf(node)
  const base = list.start(node)
  const isPlain = list.isPlain(node)
  if (hasListNodes(writer.version)) writer.length(isPlain ? PLAIN : PACKED)
  if (hasListNodes(writer.version) || isPlain) {
    writer.string(u8, base, base + list.contentBytes(node))
    return
  }
  const { element } = keyspace.lists
  for (let at = lpFirst(u8, base); at !== 0; at = lpNext(u8, base, at)) {
    lpRead(u8, base, at, element)
    writer.string(element.buf, element.start, element.end)
  }
}

export const LIST_CODEC: ValueCodec = {
  rdbType: (_keyspace, _handle, version) =>
    version >= LISTPACK_SINCE ? format.TYPE_LIST_QUICKLIST_2 : format.TYPE_LIST,

  write(writer, keyspace, handle) {
    const { lists, heap, listpacks } = keyspace
    const { element } = lists
    if (writer.version < LISTPACK_SINCE) {
      writer.length(lists.size(handle))
      lists.forEach(handle, () => writer.string(element.buf, element.start, element.end))
      return
    }
    if (lists.isSmall(handle)) {
      const ref = refOf(keyspace.entries, handle)
      const base = byteOf(ref)
      writer.length(1)
      writer.length(PACKED)
      writer.string(heap.u8[chunkOf(ref)]!, base, base + listpacks.bytes(ref))
      return
    }
    const quicklist = lists.quicklist(handle)
    writer.length(quicklist.nodes)
    for (let node = quicklist.head; node !== 0; node = quicklist.behind(node)) {
      writeListNode(writer, quicklist, keyspace, node)
    }
  },

  rewrite(sink, keyspace, handle) {
    const { lists, entries } = keyspace
    const { element } = lists
    const key = entries.keyStart(handle)
    let left = lists.size(handle)
    let inCommand = 0
    lists.forEach(handle, () => {
      if (inCommand === 0) {
        inCommand = Math.min(left, REWRITE_ITEMS_MAX)
        writeCommandStart(sink, 2 + inCommand)
        writeTextArgument(sink, 'RPUSH')
        writeArgument(sink, entries.bytes(handle), key, key + entries.keyLength(handle))
      }
      writeArgument(sink, element.buf, element.start, element.end)
      inCommand--
      left--
    })
  },

  read(keyspace, rdbType, buf, start, end) {
    const reader = new ValueReader(buf, start, end)
    const isZiplist = rdbType === format.TYPE_LIST_ZIPLIST
    const known = [format.TYPE_LIST, format.TYPE_LIST_QUICKLIST, format.TYPE_LIST_QUICKLIST_2]
    if (!isZiplist && !known.includes(rdbType)) return UNKNOWN_VALUE
    const count = isZiplist ? 1 : reader.length()
    const { lists } = keyspace
    const bare = lists.createLarge()
    const string = new DecodedString()
    for (let i = 0; i < count && reader.ok; i++) {
      const container = rdbType === format.TYPE_LIST_QUICKLIST_2 ? reader.length() : PACKED
      if (!reader.string(string)) break
      reader.ok = readPart(keyspace, bare, rdbType, container, string)
    }
    const size = lists.size(bare)
    if (reader.ok && size > 0) {
      lists.settle(bare, false)
      return bare
    }
    keyspace.release(bare)
    return reader.ok ? EMPTY_VALUE : BAD_VALUE
  },
}

/** Appends one element, or the elements of one node; false where that is damaged. */
function readPart(
  keyspace: Keyspace,
  bare: number,
  rdbType: number,
  container: number,
  part: DecodedString,
): boolean {
  const { lists, listpacks } = keyspace
  const quicklist = lists.quicklist(bare)
  const { buf, start, end } = part
  if (rdbType === format.TYPE_LIST) {
    quicklist.pushTail(buf, start, end)
    return true
  }
  if (rdbType === format.TYPE_LIST_QUICKLIST_2) {
    if (container === PLAIN) {
      // Nobody gives an empty element a node of its own.
      if (start === end) return false
      quicklist.linkPlain(quicklist.tail, buf, start, end)
      return true
    }
    const count = container === PACKED ? lpValidate(buf, start, end) : -1
    if (count > 0) quicklist.appendListpack(listpacks.adopt(buf, start, end), count)
    return count >= 0
  }
  let ref = listpacks.create(end - start)
  const count = readZiplist(buf, start, end, (piece) => {
    ref = listpacks.append(ref, piece.buf, piece.start, piece.end)
  })
  if (count > 0) quicklist.appendListpack(ref, count)
  else keyspace.heap.free(ref)
  return count >= 0
}
