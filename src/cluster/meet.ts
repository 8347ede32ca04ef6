/** Handshakes: getting to know a node by address (CLUSTER MEET), before its name is known. */

import { addNode } from './nodes.js'
import type { ClusterState } from './state.js'
import { clientPort, HANDSHAKE, inHandshake, MEETING } from './state.js'
import type { Turn } from './turn.js'

/** Handshakes going on at once at most. */
export const HANDSHAKES_MAX = 4096

/** An IPv4 or IPv6 address in its usual form (`::1`, not `0:0:0:0:0:0:0:1`); null when it is neither. */
export function normalizeIp(text: string): string | null {
  return normalizeIpv4(text) ?? normalizeIpv6(text)
}

function normalizeIpv4(text: string): string | null {
  const parts = text.split('.')
  if (parts.length !== 4) return null
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255 || (part.length > 1 && part[0] === '0')) return null
  }
  return text
}

function normalizeIpv6(text: string): string | null {
  const groups = parseIpv6(text)
  if (groups === null) return null
  // The usual form leaves out the longest run of two or more zero groups, the first of equals.
  let bestAt = -1
  let bestLength = 1
  for (let at = 0; at < 8; at++) {
    let length = 0
    while (at + length < 8 && groups[at + length] === 0) length++
    if (length > bestLength) {
      bestAt = at
      bestLength = length
    }
  }
  if (bestAt === 0 && bestLength === 6) return `::${dotted(groups)}`
  if (bestAt === 0 && bestLength === 5 && groups[5] === 0xffff) return `::ffff:${dotted(groups)}`
  const hex = (list: readonly number[]) => list.map((group) => group.toString(16)).join(':')
  if (bestAt < 0) return hex(groups)
  return `${hex(groups.slice(0, bestAt))}::${hex(groups.slice(bestAt + bestLength))}`
}

function dotted(groups: readonly number[]): string {
  const [high, low] = [groups[6]!, groups[7]!]
  return `${high >> 8}.${high & 255}.${low >> 8}.${low & 255}`
}

function parseIpv6(text: string): number[] | null {
  if (text.length > 45 || !text.includes(':')) return null
  const halves = text.split('::')
  if (halves.length > 2) return null
  const head = parseGroups(halves[0]!, halves.length === 1)
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : []
  if (head === null || tail === null) return null
  const missing = 8 - head.length - tail.length
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null
  return [...head, ...new Array<number>(missing).fill(0), ...tail]
}

/** Groups between colons; the last one may be an IPv4 address where the text ends. */
function parseGroups(text: string, atEnd: boolean): number[] | null {
  if (text === '') return []
  const groups: number[] = []
  const parts = text.split(':')
  for (const [i, part] of parts.entries()) {
    if (atEnd && i === parts.length - 1 && part.includes('.')) {
      if (normalizeIpv4(part) === null) return null
      const bytes = part.split('.').map(Number)
      groups.push(bytes[0]! * 256 + bytes[1]!, bytes[2]! * 256 + bytes[3]!)
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16))
    } else {
      return null
    }
  }
  return groups
}

/** Begins to meet the node at an address. False when the address cannot be one; true also when it is being met already. */
export function startHandshake(turn: Turn, ip: string, port: number, busPort: number): boolean {
  const { state } = turn
  const normal = normalizeIp(ip)
  if (normal === null || !isPort(port) || !isPort(busPort)) return false
  if (handshaking(state, normal, port, busPort)) return true
  const node = addNode(turn, null, HANDSHAKE | MEETING)
  node.ip = normal
  if (state.config.tlsCluster) node.tlsPort = port
  else node.port = port
  node.busPort = busPort
  return true
}

function isPort(port: number): boolean {
  return port > 0 && port <= 65_535
}

function handshaking(state: ClusterState, ip: string, port: number, busPort: number): boolean {
  return state.nodeList.some(
    (node) =>
      inHandshake(node) &&
      node.ip.toLowerCase() === ip.toLowerCase() &&
      clientPort(node, state.config.tlsCluster) === port &&
      node.busPort === busPort,
  )
}
