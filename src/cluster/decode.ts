/** A packet of the bus as text, for people: `shoal decode-bus`. */

import { flagNames } from './describe.js'
import { testBit } from './slots.js'
import type { Extension, Gossip, Packet } from './wire.js'
import {
  EXT_CLIENT_IPV4,
  EXT_CLIENT_IPV6,
  EXT_FORGOTTEN_NODE,
  EXT_HOSTNAME,
  EXT_HUMAN_NODENAME,
  EXT_SHARD_ID,
  FAIL,
  MEET,
  MFLAG_EXTENSIONS,
  MFLAG_FORCEACK,
  MFLAG_PAUSED,
  MODULE,
  PING,
  PONG,
  PUBLISH,
  PUBLISHSHARD,
  TYPE_NAMES,
  UPDATE,
} from './wire.js'
import { decodePacket } from './wire-decode.js'
import { createFramer, feedFramer } from './wire-frame.js'

/** Bytes of a message or channel that are shown. */
const SHOWN_BYTES_MAX = 64

/** Everything that a packet says, a line for each thing. */
export function renderPacket(packet: Packet): string {
  const { sender, ip, port, otherPort, busPort } = packet
  const lines = [
    `${TYPE_NAMES[packet.type]} from ${sender}`,
    `  address        ${ip === '' ? '(as it comes)' : ip}:${port}@${busPort}${otherPort === 0 ? '' : `, other port ${otherPort}`}`,
    `  flags          ${flagNames(packet.flags)}${messageFlags(packet.mflags)}`,
    `  master         ${packet.master === '' ? '-' : packet.master}`,
    `  epochs         current ${packet.currentEpoch}, config ${packet.configEpoch}`,
    `  offset         ${packet.offset_bytes}`,
    `  cluster state  ${packet.state === 0 ? 'ok' : 'fail'}`,
    `  slots          ${renderSlots(packet.slots)}`,
    ...body(packet),
  ]
  return lines.join('\n')
}

/** A stream of packets, such as one direction of a recorded connection; ends with the reason where it breaks. */
export function renderStream(bytes: Uint8Array): { text: string; ok: boolean } {
  const parts: string[] = []
  let ok = true
  const framer = createFramer()
  const problem = feedFramer(framer, bytes, (frame) => {
    const result = decodePacket(frame)
    if (!result.ok) ok = false
    parts.push(result.ok ? renderPacket(result.packet) : `bad packet: ${result.reason}`)
    return true
  })
  if (problem !== null) parts.push(problem)
  else if (framer.length > 0) parts.push(`the last packet is cut off after ${framer.length} bytes`)
  return { text: parts.join('\n\n'), ok: ok && problem === null && framer.length === 0 }
}

function body(packet: Packet): string[] {
  switch (packet.type) {
    case PING:
    case PONG:
    case MEET:
      return [...packet.gossip.map(renderGossip), ...packet.extensions.map(renderExtension)]
    case FAIL:
      return [`  failed         ${packet.about}`]
    case PUBLISH:
    case PUBLISHSHARD:
      return [`  channel        ${quoted(packet.channel)}`, `  message        ${quoted(packet.message)}`]
    case UPDATE:
      return [
        `  about          ${packet.about}`,
        `  its epoch      ${packet.aboutEpoch}`,
        `  its slots      ${renderSlots(packet.aboutSlots)}`,
      ]
    case MODULE:
      return [
        `  module         ${packet.moduleId}, type ${packet.moduleType}, ${packet.payload.length} bytes`,
      ]
    default:
      return []
  }
}

function messageFlags(mflags: number): string {
  const names: string[] = []
  if ((mflags & MFLAG_PAUSED) !== 0) names.push('paused')
  if ((mflags & MFLAG_FORCEACK) !== 0) names.push('force-ack')
  if ((mflags & MFLAG_EXTENSIONS) !== 0) names.push('extensions')
  return names.length === 0 ? '' : ` (${names.join(', ')})`
}

function renderGossip(entry: Gossip): string {
  const { name, ip, port, busPort, flags, pingSent_s, pongReceived_s } = entry
  return `  gossip         ${name} ${ip}:${port}@${busPort} ${flagNames(flags)} ping ${pingSent_s} pong ${pongReceived_s}`
}

function renderExtension(extension: Extension): string {
  switch (extension.type) {
    case EXT_HOSTNAME:
      return `  hostname       ${extension.text}`
    case EXT_HUMAN_NODENAME:
      return `  nodename       ${extension.text}`
    case EXT_CLIENT_IPV4:
    case EXT_CLIENT_IPV6:
      return `  for clients    ${extension.text}`
    case EXT_FORGOTTEN_NODE:
      return `  forgotten      ${extension.name} for ${extension.ttl_s} s`
    case EXT_SHARD_ID:
      return `  shard id       ${extension.shardId}`
    default:
      return `  extension ${extension.code}, ${extension.data.length} bytes`
  }
}

function renderSlots(bitmap: Uint8Array): string {
  const ranges: string[] = []
  let count = 0
  let start = -1
  for (let slot = 0; slot <= bitmap.length * 8; slot++) {
    const owned = slot < bitmap.length * 8 && testBit(bitmap, slot)
    if (owned) count++
    if (owned && start < 0) start = slot
    if (!owned && start >= 0) {
      ranges.push(start === slot - 1 ? `${start}` : `${start}-${slot - 1}`)
      start = -1
    }
  }
  return count === 0 ? 'none' : `${ranges.join(' ')} (${count})`
}

function quoted(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes.subarray(0, SHOWN_BYTES_MAX)) {
    const plain = byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c
    text += plain ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`
  }
  return bytes.length > SHOWN_BYTES_MAX ? `"${text}"… (${bytes.length} bytes)` : `"${text}"`
}
