/** Packets to bytes. The layout is drawn in wire.ts. */

import type { Extension, Gossip, Header, Packet } from './wire.js'
import {
  EXT_CLIENT_IPV4,
  EXT_CLIENT_IPV6,
  EXT_FORGOTTEN_NODE,
  EXT_HOSTNAME,
  EXT_HUMAN_NODENAME,
  EXT_SHARD_ID,
  EXTENSION_HEADER_BYTES,
  FAIL,
  GOSSIP_BYTES,
  HEADER_BYTES,
  IP_BYTES,
  MEET,
  MODULE,
  NAME_BYTES,
  PING,
  PONG,
  PUBLISH,
  PUBLISHSHARD,
  SLOT_BYTES,
  UPDATE,
  VERSION,
} from './wire.js'

const TWO_32 = 0x1_0000_0000

/** Memory for one frame, to be used again for the next. */
export interface FrameBuffer {
  readonly bytes: Uint8Array
  readonly view: DataView
}

export function createFrameBuffer(size_bytes: number): FrameBuffer {
  const bytes = new Uint8Array(size_bytes)
  return { bytes, view: new DataView(bytes.buffer) }
}

/** Length of the packet's frame. */
export function packetBytes(packet: Packet): number {
  return HEADER_BYTES + bodyBytes(packet)
}

/** One packet as one frame, in a buffer of its own. */
export function encodePacket(packet: Packet): Uint8Array {
  const buffer = createFrameBuffer(packetBytes(packet))
  encodePacketInto(packet, buffer)
  return buffer.bytes
}

/** Writes the packet's frame to the start of `buffer`, which must have room for it; returns the frame's length. */
export function encodePacketInto(packet: Packet, { bytes, view }: FrameBuffer): number {
  const length = packetBytes(packet)
  // Fields are padded with zeros, and some are not written at all.
  bytes.fill(0, 0, length)
  view.setUint32(4, length)
  writeHeader(bytes, view, packet, packet.type)
  switch (packet.type) {
    case PING:
    case PONG:
    case MEET: {
      let at = HEADER_BYTES
      view.setUint16(14, packet.gossip.length)
      for (const entry of packet.gossip) at = writeGossip(bytes, view, at, entry)
      view.setUint16(2214, packet.extensions.length)
      for (const extension of packet.extensions) at = writeExtension(bytes, view, at, extension)
      break
    }
    case FAIL:
      writeText(bytes, HEADER_BYTES, packet.about, NAME_BYTES)
      break
    case PUBLISH:
    case PUBLISHSHARD:
      view.setUint32(HEADER_BYTES, packet.channel.length)
      view.setUint32(HEADER_BYTES + 4, packet.message.length)
      bytes.set(packet.channel, HEADER_BYTES + 8)
      bytes.set(packet.message, HEADER_BYTES + 8 + packet.channel.length)
      break
    case UPDATE:
      view.setBigUint64(HEADER_BYTES, packet.aboutEpoch)
      writeText(bytes, HEADER_BYTES + 8, packet.about, NAME_BYTES)
      bytes.set(packet.aboutSlots, HEADER_BYTES + 48)
      break
    case MODULE:
      view.setBigUint64(HEADER_BYTES, packet.moduleId)
      view.setUint32(HEADER_BYTES + 8, packet.payload.length)
      bytes[HEADER_BYTES + 12] = packet.moduleType
      bytes.set(packet.payload, HEADER_BYTES + 13)
      break
  }
  return length
}

function bodyBytes(packet: Packet): number {
  switch (packet.type) {
    case PING:
    case PONG:
    case MEET: {
      let length = packet.gossip.length * GOSSIP_BYTES
      for (const extension of packet.extensions) length += extensionBytes(extension)
      return length
    }
    case FAIL:
      return NAME_BYTES
    case PUBLISH:
    case PUBLISHSHARD:
      return 8 + packet.channel.length + packet.message.length
    case UPDATE:
      return 8 + NAME_BYTES + SLOT_BYTES
    case MODULE:
      return 13 + packet.payload.length
    default:
      return 0
  }
}

function writeHeader(bytes: Uint8Array, view: DataView, header: Header, type: number): void {
  bytes[0] = 0x52
  bytes[1] = 0x43
  bytes[2] = 0x6d
  bytes[3] = 0x62
  view.setUint16(8, VERSION)
  view.setUint16(10, header.port)
  view.setUint16(12, type)
  view.setBigUint64(16, header.currentEpoch)
  view.setBigUint64(24, header.configEpoch)
  writeU64(view, 32, header.offset_bytes)
  writeText(bytes, 40, header.sender, NAME_BYTES)
  bytes.set(header.slots, 80)
  writeText(bytes, 2128, header.master, NAME_BYTES)
  writeText(bytes, 2168, header.ip, IP_BYTES)
  view.setUint16(2246, header.otherPort)
  view.setUint16(2248, header.busPort)
  view.setUint16(2250, header.flags)
  bytes[2252] = header.state
  bytes[2253] = header.mflags
}

function writeGossip(bytes: Uint8Array, view: DataView, at: number, entry: Gossip): number {
  writeText(bytes, at, entry.name, NAME_BYTES)
  view.setUint32(at + 40, entry.pingSent_s)
  view.setUint32(at + 44, entry.pongReceived_s)
  writeText(bytes, at + 48, entry.ip, IP_BYTES)
  view.setUint16(at + 94, entry.port)
  view.setUint16(at + 96, entry.busPort)
  view.setUint16(at + 98, entry.flags)
  view.setUint16(at + 100, entry.otherPort)
  return at + GOSSIP_BYTES
}

/** Length of an extension with its header, padded to eight bytes. Texts end with a NUL. */
function extensionBytes(extension: Extension): number {
  switch (extension.type) {
    case EXT_HOSTNAME:
    case EXT_HUMAN_NODENAME:
    case EXT_CLIENT_IPV4:
    case EXT_CLIENT_IPV6:
      return EXTENSION_HEADER_BYTES + padded(extension.text.length + 1)
    case EXT_FORGOTTEN_NODE:
      return EXTENSION_HEADER_BYTES + NAME_BYTES + 8
    case EXT_SHARD_ID:
      return EXTENSION_HEADER_BYTES + NAME_BYTES
    default:
      return EXTENSION_HEADER_BYTES + padded(extension.data.length)
  }
}

function writeExtension(bytes: Uint8Array, view: DataView, at: number, extension: Extension): number {
  const length = extensionBytes(extension)
  const body = at + EXTENSION_HEADER_BYTES
  view.setUint32(at, length)
  view.setUint16(at + 4, extension.type === 'unknown' ? extension.code : extension.type)
  switch (extension.type) {
    case EXT_HOSTNAME:
    case EXT_HUMAN_NODENAME:
    case EXT_CLIENT_IPV4:
    case EXT_CLIENT_IPV6:
      writeText(bytes, body, extension.text, extension.text.length)
      break
    case EXT_FORGOTTEN_NODE:
      writeText(bytes, body, extension.name, NAME_BYTES)
      writeU64(view, body + NAME_BYTES, extension.ttl_s)
      break
    case EXT_SHARD_ID:
      writeText(bytes, body, extension.shardId, NAME_BYTES)
      break
    default:
      bytes.set(extension.data, body)
  }
  return at + length
}

function padded(length: number): number {
  return (length + 7) & ~7
}

function writeText(bytes: Uint8Array, at: number, text: string, width: number): void {
  const length = Math.min(text.length, width)
  for (let i = 0; i < length; i++) bytes[at + i] = text.charCodeAt(i)
}

function writeU64(view: DataView, at: number, value: number): void {
  view.setUint32(at, Math.floor(value / TWO_32))
  view.setUint32(at + 4, value >>> 0)
}
