/**
 * Frames to packets. Every length is checked before anything behind it is read; what does not add up is answered
 * with a reason, in the words of Redis's log where Redis has words. A packet's byte fields (slots, channel, message)
 * are views into the frame and live as long as the frame's buffer stays as it is.
 *
 * Epochs are u64 and read exactly; which of them are believed is decided in epochs.ts. Other u64 (offsets, times to live)
 * are numbers and end at 2^53 - 1: no real one comes near to it, and one that is damage or malice must not hide the
 * rest of what its sender says.
 */

import type { Extension, Gossip, Header, Packet } from './wire.js'
import {
  AUTH_ACK,
  AUTH_REQUEST,
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
  MFLAG_EXTENSIONS,
  MFSTART,
  MODULE,
  NAME_BYTES,
  PING,
  PONG,
  PUBLISH,
  PUBLISHSHARD,
  SLOT_BYTES,
  TYPE_NAMES,
  UPDATE,
  VERSION,
} from './wire.js'

export type Decoded =
  | { readonly ok: true; readonly packet: Packet }
  | { readonly ok: false; readonly reason: string }

const TWO_32 = 0x1_0000_0000
/** The greatest high half of a u64 that a number still holds exactly. */
const HIGH_MAX = 0x1f_ffff

/** Places of a TextCache: names and addresses of some hundred nodes. Where two fall on one place, the last one has it. */
const TEXTS = 2048

/**
 * Texts that were read last, by their bytes. The same names and addresses come in every packet: to make each anew would cost
 * a dozen kilobytes of garbage a packet, and a text that is one object hashes once.
 */
export type TextCache = string[]

export function createTextCache(): TextCache {
  return new Array<string>(TEXTS).fill('')
}

/**
 * Reads one whole frame (from 'RCmb' to its last byte). The link survives a bad packet; only framing errors close it.
 * `texts` belongs to the caller and makes it cheaper.
 */
export function decodePacket(frame: Uint8Array, texts: TextCache | null = null): Decoded {
  if (frame.length < HEADER_BYTES) return bad(`short frame of ${frame.length} bytes`)
  const view = new DataView(frame.buffer, frame.byteOffset, frame.length)
  if (view.getUint32(0) !== 0x52436d62) return bad('bad signature')
  if (view.getUint32(4) !== frame.length) return bad('length field and frame differ')
  const version = view.getUint16(8)
  if (version !== VERSION) return bad(`unknown protocol version ${version}`)
  const header = readHeader(frame, view, texts)
  const type = view.getUint16(12)
  switch (type) {
    case PING:
    case PONG:
    case MEET:
      return decodePing(frame, view, header, type, texts)
    case FAIL:
      if (frame.length !== HEADER_BYTES + NAME_BYTES) return badLength(type, frame, HEADER_BYTES + NAME_BYTES)
      return good({ ...header, type, about: readName(frame, HEADER_BYTES, texts) })
    case PUBLISH:
    case PUBLISHSHARD:
      return decodePublish(frame, view, header, type)
    case AUTH_REQUEST:
    case AUTH_ACK:
    case MFSTART:
      if (frame.length !== HEADER_BYTES) return badLength(type, frame, HEADER_BYTES)
      return good({ ...header, type })
    case UPDATE:
      return decodeUpdate(frame, view, header, texts)
    case MODULE:
      return decodeModule(frame, view, header)
    default:
      return bad(`Received unknown packet type: ${type}`)
  }
}

function readHeader(frame: Uint8Array, view: DataView, texts: TextCache | null): Header {
  return {
    sender: readName(frame, 40, texts),
    port: view.getUint16(10),
    otherPort: view.getUint16(2246),
    busPort: view.getUint16(2248),
    ip: readText(frame, 2168, IP_BYTES, texts),
    flags: view.getUint16(2250),
    master: readName(frame, 2128, texts),
    slots: frame.subarray(80, 80 + SLOT_BYTES),
    currentEpoch: view.getBigUint64(16),
    configEpoch: view.getBigUint64(24),
    offset_bytes: readU64(view, 32),
    state: frame[2252]!,
    mflags: frame[2253]!,
  }
}

function decodePing(
  frame: Uint8Array,
  view: DataView,
  header: Header,
  type: typeof PING | typeof PONG | typeof MEET,
  texts: TextCache | null,
): Decoded {
  const count = view.getUint16(14)
  const expected = HEADER_BYTES + count * GOSSIP_BYTES
  if (expected > frame.length) return badLength(type, frame, expected)
  const gossip = new Array<Gossip>(count)
  for (let i = 0; i < count; i++) gossip[i] = readGossip(frame, view, HEADER_BYTES + i * GOSSIP_BYTES, texts)
  const extensions: Extension[] = []
  let at = expected
  if ((header.mflags & MFLAG_EXTENSIONS) !== 0) {
    const wanted = view.getUint16(2214)
    for (let i = 0; i < wanted; i++) {
      if (frame.length - at < EXTENSION_HEADER_BYTES) return beyond(type, frame)
      const length = view.getUint32(at)
      if (length % 8 !== 0) {
        return bad(`Received a ${TYPE_NAMES[type]} packet without proper padding (${length} bytes)`)
      }
      if (length < EXTENSION_HEADER_BYTES || length > frame.length - at) return beyond(type, frame)
      const extension = readExtension(frame, view, at, length, texts)
      if (extension === null) return bad(`Received a ${TYPE_NAMES[type]} packet with a damaged extension`)
      extensions.push(extension)
      at += length
    }
  }
  if (at !== frame.length) return badLength(type, frame, at)
  return good({ ...header, type, gossip, extensions })
}

function readGossip(frame: Uint8Array, view: DataView, at: number, texts: TextCache | null): Gossip {
  return {
    name: readName(frame, at, texts),
    pingSent_s: view.getUint32(at + 40),
    pongReceived_s: view.getUint32(at + 44),
    ip: readText(frame, at + 48, IP_BYTES, texts),
    port: view.getUint16(at + 94),
    busPort: view.getUint16(at + 96),
    flags: view.getUint16(at + 98),
    otherPort: view.getUint16(at + 100),
  }
}

/** The extension at `at`, whose `length` bytes are known to be there; null when its own fields do not fit into it. */
function readExtension(
  frame: Uint8Array,
  view: DataView,
  at: number,
  length: number,
  texts: TextCache | null,
): Extension | null {
  const code = view.getUint16(at + 4)
  const start = at + EXTENSION_HEADER_BYTES
  const room = length - EXTENSION_HEADER_BYTES
  switch (code) {
    case EXT_HOSTNAME:
    case EXT_HUMAN_NODENAME:
    case EXT_CLIENT_IPV4:
    case EXT_CLIENT_IPV6: {
      const text = readText(frame, start, room, texts)
      return text.length === room ? null : { type: code, text }
    }
    case EXT_FORGOTTEN_NODE:
      if (room < NAME_BYTES + 8) return null
      return { type: code, name: readName(frame, start, texts), ttl_s: readU64(view, start + NAME_BYTES) }
    case EXT_SHARD_ID:
      if (room < NAME_BYTES) return null
      return { type: code, shardId: readName(frame, start, texts) }
    default:
      return { type: 'unknown', code, data: frame.subarray(start, at + length) }
  }
}

function decodePublish(
  frame: Uint8Array,
  view: DataView,
  header: Header,
  type: typeof PUBLISH | typeof PUBLISHSHARD,
): Decoded {
  const start = HEADER_BYTES + 8
  if (frame.length < start) return badLength(type, frame, start)
  const channelBytes = view.getUint32(HEADER_BYTES)
  const messageBytes = view.getUint32(HEADER_BYTES + 4)
  const expected = start + channelBytes + messageBytes
  if (frame.length !== expected) return badLength(type, frame, expected)
  const channel = frame.subarray(start, start + channelBytes)
  return good({ ...header, type, channel, message: frame.subarray(start + channelBytes) })
}

function decodeUpdate(frame: Uint8Array, view: DataView, header: Header, texts: TextCache | null): Decoded {
  const expected = HEADER_BYTES + 8 + NAME_BYTES + SLOT_BYTES
  if (frame.length !== expected) return badLength(UPDATE, frame, expected)
  return good({
    ...header,
    type: UPDATE,
    about: readName(frame, HEADER_BYTES + 8, texts),
    aboutEpoch: view.getBigUint64(HEADER_BYTES),
    aboutSlots: frame.subarray(HEADER_BYTES + 48),
  })
}

function decodeModule(frame: Uint8Array, view: DataView, header: Header): Decoded {
  const start = HEADER_BYTES + 13
  if (frame.length < start) return badLength(MODULE, frame, start)
  const expected = start + view.getUint32(HEADER_BYTES + 8)
  if (frame.length !== expected) return badLength(MODULE, frame, expected)
  return good({
    ...header,
    type: MODULE,
    moduleId: view.getBigUint64(HEADER_BYTES),
    moduleType: frame[HEADER_BYTES + 12]!,
    payload: frame.subarray(start),
  })
}

/** Text up to the first NUL, at most `width` bytes. */
function readText(frame: Uint8Array, at: number, width: number, texts: TextCache | null): string {
  let end = at
  let hash = 0
  for (const limit = at + width; end < limit; end++) {
    const byte = frame[end]!
    if (byte === 0) break
    hash = (Math.imul(hash, 31) + byte) | 0
  }
  if (end === at) return ''
  if (texts === null) return textOf(frame, at, end)
  const place = (hash ^ (hash >>> 15)) & (TEXTS - 1)
  const known = texts[place]!
  if (isText(known, frame, at, end)) return known
  const text = textOf(frame, at, end)
  texts[place] = text
  return text
}

function isText(text: string, frame: Uint8Array, at: number, end: number): boolean {
  if (text.length !== end - at) return false
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== frame[at + i]) return false
  return true
}

function textOf(frame: Uint8Array, at: number, end: number): string {
  let text = ''
  for (let i = at; i < end; i++) text += String.fromCharCode(frame[i]!)
  return text
}

function readName(frame: Uint8Array, at: number, texts: TextCache | null): string {
  return readText(frame, at, NAME_BYTES, texts)
}

/** A u64 as a number; 2^53 - 1 for all that are greater. */
function readU64(view: DataView, at: number): number {
  if (view.getUint32(at) > HIGH_MAX) return Number.MAX_SAFE_INTEGER
  return view.getUint32(at) * TWO_32 + view.getUint32(at + 4)
}

function good(packet: Packet): Decoded {
  return { ok: true, packet }
}

function bad(reason: string): Decoded {
  return { ok: false, reason }
}

function badLength(type: number, frame: Uint8Array, expected: number): Decoded {
  return bad(
    `Received invalid ${TYPE_NAMES[type]} packet of length ${frame.length} but expected length ${expected}`,
  )
}

function beyond(type: number, frame: Uint8Array): Decoded {
  return bad(
    `Received invalid ${TYPE_NAMES[type]} packet with extension data that exceeds total packet length (${frame.length})`,
  )
}
