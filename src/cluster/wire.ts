/**
 * The cluster bus, protocol version 1: what travels between nodes on port + 10000, as records. Every message is one
 * header of 2256 bytes that says all about its sender (identity, address, role, slots, epochs, replication offset)
 * and, for some types, a body. Numbers are big endian; texts are padded with NUL to a fixed width.
 *
 * Offsets of the header, in bytes (the format is Redis's `clusterMsg`, the same since Redis 4.0):
 *
 *      0  'RCmb'                       2168  announced IP of the sender, 46 bytes, empty: find out yourself
 *      4  length of all, u32           2214  number of extensions, u16
 *      8  version (1), u16             2216  30 bytes unused
 *     10  client port, u16             2246  the other client port (TLS when the first is plain, or back), u16
 *     12  type, u16                    2248  bus port, u16
 *     14  number of gossip entries     2250  flags of the sender, u16
 *     16  current epoch, u64           2252  state of the cluster as the sender sees it (0 ok, 1 fail)
 *     24  config epoch, u64            2253  3 bytes of message flags
 *     32  replication offset, u64      2256  body
 *     40  name of the sender, 40 hex digits
 *     80  slots, 2048 bytes, bit (slot & 7) of byte (slot >> 3)
 *   2128  name of the sender's master, or zeros
 *
 * Encoding is in wire-encode.ts, decoding in wire-decode.ts, cutting a stream into frames in wire-frame.ts.
 */

export const PING = 0
export const PONG = 1
export const MEET = 2
export const FAIL = 3
export const PUBLISH = 4
export const AUTH_REQUEST = 5
export const AUTH_ACK = 6
export const UPDATE = 7
export const MFSTART = 8
export const MODULE = 9
export const PUBLISHSHARD = 10
/** How many message types there are; counters of messages have this many places. */
export const TYPES = 11

/** Names as CLUSTER INFO shows them, by type. */
export const TYPE_NAMES: readonly string[] = [
  'ping',
  'pong',
  'meet',
  'fail',
  'publish',
  'auth-req',
  'auth-ack',
  'update',
  'mfstart',
  'module',
  'publishshard',
]

export const VERSION = 1
export const HEADER_BYTES = 2256
export const NAME_BYTES = 40
export const IP_BYTES = 46
export const SLOT_BYTES = 2048
export const GOSSIP_BYTES = 104
export const EXTENSION_HEADER_BYTES = 8

/** Message flags, first byte: the sending master holds its clients back for a manual failover. */
export const MFLAG_PAUSED = 1
/** Message flags, first byte: vote even if the master is up (manual failover). */
export const MFLAG_FORCEACK = 2
/** Message flags, first byte: extensions may follow the gossip; the sender understands extensions. */
export const MFLAG_EXTENSIONS = 4

export const EXT_HOSTNAME = 0
export const EXT_HUMAN_NODENAME = 1
export const EXT_FORGOTTEN_NODE = 2
export const EXT_SHARD_ID = 3
/** Valkey 8: the addresses that clients are told, by the family of their own connection. */
export const EXT_CLIENT_IPV4 = 4
export const EXT_CLIENT_IPV6 = 5

/** What every message says about its sender. */
export interface Header {
  sender: string
  port: number
  /** The other client port: TLS when `port` is plain, plain when `port` is TLS; 0: none. */
  otherPort: number
  busPort: number
  /** Announced IP; '' when the receiver should take the address that the connection comes from. */
  ip: string
  flags: number
  /** Name of the sender's master; '' for a master. */
  master: string
  /** Slots of the sender, or of its master. A view or a shared snapshot: never written to. */
  slots: Uint8Array
  currentEpoch: bigint
  configEpoch: bigint
  offset_bytes: number
  /** 0: ok, 1: fail. */
  state: number
  mflags: number
}

/** One entry of gossip: what the sender knows about a third node. Times are in seconds of Unix time. */
export interface Gossip {
  name: string
  pingSent_s: number
  pongReceived_s: number
  ip: string
  port: number
  busPort: number
  flags: number
  otherPort: number
}

export type Extension =
  | { readonly type: typeof EXT_HOSTNAME; readonly text: string }
  | { readonly type: typeof EXT_HUMAN_NODENAME; readonly text: string }
  | { readonly type: typeof EXT_FORGOTTEN_NODE; readonly name: string; readonly ttl_s: number }
  | { readonly type: typeof EXT_SHARD_ID; readonly shardId: string }
  | { readonly type: typeof EXT_CLIENT_IPV4 | typeof EXT_CLIENT_IPV6; readonly text: string }
  | UnknownExtension

/** An extension of a later version: kept as it came. */
export interface UnknownExtension {
  readonly type: 'unknown'
  readonly code: number
  readonly data: Uint8Array
}

export interface PingPacket extends Header {
  type: typeof PING | typeof PONG | typeof MEET
  gossip: readonly Gossip[]
  extensions: readonly Extension[]
}

export interface FailPacket extends Header {
  type: typeof FAIL
  about: string
}

export interface PublishPacket extends Header {
  type: typeof PUBLISH | typeof PUBLISHSHARD
  channel: Uint8Array
  message: Uint8Array
}

export interface UpdatePacket extends Header {
  type: typeof UPDATE
  about: string
  aboutEpoch: bigint
  aboutSlots: Uint8Array
}

export interface BarePacket extends Header {
  type: typeof AUTH_REQUEST | typeof AUTH_ACK | typeof MFSTART
}

/** A message between modules of Redis: understood as far as its length, carried for nobody. */
export interface ModulePacket extends Header {
  type: typeof MODULE
  moduleId: bigint
  moduleType: number
  payload: Uint8Array
}

export type Packet = PingPacket | FailPacket | PublishPacket | UpdatePacket | BarePacket | ModulePacket
