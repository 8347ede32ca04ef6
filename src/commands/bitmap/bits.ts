/** SETBIT, GETBIT: single bits of a string. Bit 0 is the highest of the first byte. */

import {
  command,
  DENYOOM,
  FAST,
  firstKey,
  KEY_ACCESS,
  KEY_RO,
  KEY_RW,
  KEY_UPDATE,
  READONLY,
  WRITE,
} from '../command.js'
import { nearInteger } from '../int64.js'
import { BAD_OFFSET, bitsChanged, mayHaveBit, stringToRead, stringWithBytes, WRONG } from './room.js'

export const setbit = command(
  {
    name: 'SETBIT',
    arity: 4,
    flags: WRITE | DENYOOM,
    since: '2.2.0',
    group: 'bitmap',
    summary: 'Sets or clears a bit of a string, which grows where it is too short; replies with what it was.',
    complexity: 'O(1)',
    syntax: 'key offset value',
    keys: firstKey(KEY_RW | KEY_ACCESS | KEY_UPDATE),
  },
  (call, args, reply) => {
    const offset = nearInteger(args, 2)
    if (!mayHaveBit(call, offset)) {
      reply.error(BAD_OFFSET)
      return
    }
    const bit = args.integer(3)
    if (bit !== 0 && bit !== 1) {
      reply.error('ERR bit is not an integer or out of range')
      return
    }
    const byte = Math.floor(offset / 8)
    const grown = { is: false }
    const handle = stringWithBytes(call, args, byte + 1, reply, grown)
    if (handle === WRONG) return
    const { entries } = call.db
    const bytes = entries.bytes(handle)
    const at = entries.valueStart(handle) + byte
    const shift = 7 - (offset % 8)
    const old = (bytes[at]! >> shift) & 1
    if (grown.is || old !== bit) {
      bytes[at] = (bytes[at]! & ~(1 << shift)) | (bit << shift)
      bitsChanged(call, args, 1)
    }
    reply.int(old)
  },
)

export const getbit = command(
  {
    name: 'GETBIT',
    arity: 3,
    flags: READONLY | FAST,
    since: '2.2.0',
    group: 'bitmap',
    summary: 'Returns a bit of a string; bits behind its end are 0.',
    complexity: 'O(1)',
    syntax: 'key offset',
    keys: firstKey(KEY_RO | KEY_ACCESS),
  },
  (call, args, reply) => {
    const offset = nearInteger(args, 2)
    if (!mayHaveBit(call, offset)) {
      reply.error(BAD_OFFSET)
      return
    }
    const handle = stringToRead(call, args, 1, reply)
    if (handle === WRONG) return
    const { entries } = call.db
    const byte = Math.floor(offset / 8)
    if (handle === 0 || byte >= entries.valueLength(handle)) reply.int(0)
    else reply.int((entries.bytes(handle)[entries.valueStart(handle) + byte]! >> (7 - (offset % 8))) & 1)
  },
)

export const BIT_FAMILY = [setbit, getbit]
