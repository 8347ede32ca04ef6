/**
 * The RDB format: its numbers and the shape of every value, in one place.
 *
 *   REDIS0011                      magic and version, nine characters
 *   { item }                       an opcode byte and its operands, or a type byte, a key and a value
 *   0xff                           the end
 *   8 bytes                        CRC64 of all before it, least significant byte first; zeros: not computed
 *                                  (version 5 and later)
 *
 * A length takes 1, 2, 5 or 9 bytes: 00xxxxxx, 01xxxxxx xxxxxxxx, 0x80 and 32 bits, 0x81 and 64 bits (these
 * big endian). 11xxxxxx instead of a string's length names an encoding: an integer of 1, 2 or 4 bytes (little
 * endian), or LZF (compressed length, original length, compressed bytes).
 *
 * Facts from Redis's rdb.h, versions 2.x to 7.4. Types that only release candidates wrote (6, 22, 23) are known
 * by their shape too.
 */

export const RDB_VERSION_MIN = 1
export const RDB_VERSION_MAX = 12
/** What files are written as unless they hold something younger: Redis 5 and later read it. */
export const RDB_VERSION_WRITTEN = 9
/** From here on a file ends with a checksum. */
export const RDB_VERSION_CHECKSUM = 5
export const RDB_MAGIC = 'REDIS'
export const RDB_HEADER_BYTES = 9
export const RDB_CHECKSUM_BYTES = 8

export const OPCODE_SLOT_INFO = 244
export const OPCODE_FUNCTION2 = 245
export const OPCODE_FUNCTION_PRE_GA = 246
export const OPCODE_MODULE_AUX = 247
export const OPCODE_IDLE = 248
export const OPCODE_FREQ = 249
export const OPCODE_AUX = 250
export const OPCODE_RESIZEDB = 251
export const OPCODE_EXPIRETIME_MS = 252
export const OPCODE_EXPIRETIME = 253
export const OPCODE_SELECTDB = 254
export const OPCODE_EOF = 255

export const ENCODING_INT8 = 0
export const ENCODING_INT16 = 1
export const ENCODING_INT32 = 2
export const ENCODING_LZF = 3

export const TYPE_STRING = 0
export const TYPE_LIST = 1
export const TYPE_SET = 2
export const TYPE_ZSET = 3
export const TYPE_HASH = 4
export const TYPE_ZSET_2 = 5
export const TYPE_MODULE_PRE_GA = 6
export const TYPE_MODULE_2 = 7
export const TYPE_HASH_ZIPMAP = 9
export const TYPE_LIST_ZIPLIST = 10
export const TYPE_SET_INTSET = 11
export const TYPE_ZSET_ZIPLIST = 12
export const TYPE_HASH_ZIPLIST = 13
export const TYPE_LIST_QUICKLIST = 14
export const TYPE_STREAM_LISTPACKS = 15
export const TYPE_HASH_LISTPACK = 16
export const TYPE_ZSET_LISTPACK = 17
export const TYPE_LIST_QUICKLIST_2 = 18
export const TYPE_STREAM_LISTPACKS_2 = 19
export const TYPE_SET_LISTPACK = 20
export const TYPE_STREAM_LISTPACKS_3 = 21
export const TYPE_HASH_METADATA_PRE_GA = 22
export const TYPE_HASH_LISTPACK_EX_PRE_GA = 23
export const TYPE_HASH_METADATA = 24
export const TYPE_HASH_LISTPACK_EX = 25

/** What a value is to a user of the node, how its bytes are laid out, and the first version that knows it. */
export interface ValueType {
  name: 'string' | 'list' | 'set' | 'zset' | 'hash' | 'stream' | 'module'
  encoding: string
  /**
   * One letter a part: S string, L length, D double in ASCII with a length byte, 8 and 4 and x eight, four and
   * sixteen bytes, M a module's parts up to its end mark, (…) a length and then that many times what is inside.
   */
  layout: string
  since: number
  /** A count of zero means a key that should not exist; Redis skips it when loading. */
  emptyIsNothing?: boolean
}

const STREAM = '(SS)LLL'
const GROUPS = '(SLL(x8L)(S8(x)))'

/** By type byte; absent: no such type. */
export const VALUE_TYPES: ReadonlyMap<number, ValueType> = new Map<number, ValueType>([
  [TYPE_STRING, { name: 'string', encoding: 'string', layout: 'S', since: 1 }],
  [TYPE_LIST, { name: 'list', encoding: 'linkedlist', layout: '(S)', since: 1, emptyIsNothing: true }],
  [TYPE_SET, { name: 'set', encoding: 'hashtable', layout: '(S)', since: 1, emptyIsNothing: true }],
  [TYPE_ZSET, { name: 'zset', encoding: 'skiplist', layout: '(SD)', since: 1, emptyIsNothing: true }],
  [TYPE_HASH, { name: 'hash', encoding: 'hashtable', layout: '(SS)', since: 1, emptyIsNothing: true }],
  [TYPE_ZSET_2, { name: 'zset', encoding: 'skiplist', layout: '(S8)', since: 8, emptyIsNothing: true }],
  [TYPE_MODULE_2, { name: 'module', encoding: 'module', layout: 'LM', since: 8 }],
  [TYPE_HASH_ZIPMAP, { name: 'hash', encoding: 'zipmap', layout: 'S', since: 1 }],
  [TYPE_LIST_ZIPLIST, { name: 'list', encoding: 'ziplist', layout: 'S', since: 1 }],
  [TYPE_SET_INTSET, { name: 'set', encoding: 'intset', layout: 'S', since: 1 }],
  [TYPE_ZSET_ZIPLIST, { name: 'zset', encoding: 'ziplist', layout: 'S', since: 1 }],
  [TYPE_HASH_ZIPLIST, { name: 'hash', encoding: 'ziplist', layout: 'S', since: 4 }],
  [
    TYPE_LIST_QUICKLIST,
    { name: 'list', encoding: 'quicklist', layout: '(S)', since: 7, emptyIsNothing: true },
  ],
  [TYPE_STREAM_LISTPACKS, { name: 'stream', encoding: 'stream', layout: STREAM + GROUPS, since: 9 }],
  [TYPE_HASH_LISTPACK, { name: 'hash', encoding: 'listpack', layout: 'S', since: 10 }],
  [TYPE_ZSET_LISTPACK, { name: 'zset', encoding: 'listpack', layout: 'S', since: 10 }],
  [
    TYPE_LIST_QUICKLIST_2,
    { name: 'list', encoding: 'quicklist', layout: '(LS)', since: 10, emptyIsNothing: true },
  ],
  [
    TYPE_STREAM_LISTPACKS_2,
    { name: 'stream', encoding: 'stream', layout: `${STREAM}LLLLL(SLLL(x8L)(S8(x)))`, since: 10 },
  ],
  [TYPE_SET_LISTPACK, { name: 'set', encoding: 'listpack', layout: 'S', since: 11 }],
  [
    TYPE_STREAM_LISTPACKS_3,
    { name: 'stream', encoding: 'stream', layout: `${STREAM}LLLLL(SLLL(x8L)(S88(x)))`, since: 11 },
  ],
  [
    TYPE_HASH_METADATA_PRE_GA,
    { name: 'hash', encoding: 'hashtable', layout: '(LSS)', since: 12, emptyIsNothing: true },
  ],
  [TYPE_HASH_LISTPACK_EX_PRE_GA, { name: 'hash', encoding: 'listpackex', layout: 'S', since: 12 }],
  [
    TYPE_HASH_METADATA,
    { name: 'hash', encoding: 'hashtable', layout: '8(LSS)', since: 12, emptyIsNothing: true },
  ],
  [TYPE_HASH_LISTPACK_EX, { name: 'hash', encoding: 'listpackex', layout: '8S', since: 12 }],
])

/** FUNCTION2 came with Redis 7.0. */
const FUNCTIONS_SINCE = 10

/** The oldest version, at least 9, that can hold values of `types`, and function libraries when asked. */
export function oldestRdbVersion(types: Iterable<number>, functions: boolean): number {
  let version = functions ? FUNCTIONS_SINCE : RDB_VERSION_WRITTEN
  for (const type of types) version = Math.max(version, VALUE_TYPES.get(type)?.since ?? RDB_VERSION_MAX)
  return version
}
