/**
 * What a node says of the cluster, read from the text of CLUSTER NODES. Pure: text in, records out.
 *
 * One line a node: `id ip:port@busport[,hostname] flags master ping-sent pong-received config-epoch link slot …`,
 * where a slot is `5`, `0-5460`, `[7->-id]` (going to that node) or `[7-<-id]` (coming from it).
 * Source: https://redis.io/commands/cluster-nodes.
 */

import { SLOTS } from '../bytes/crc16.js'

export interface SlotRange {
  readonly first: number
  /** Inclusive. */
  readonly last: number
}

export interface OpenSlot {
  readonly slot: number
  /** The node at the other end. */
  readonly node: string
}

export interface NodeLine {
  readonly id: string
  /** Empty where the teller does not know it (a node's own line before anybody has met it). */
  readonly host: string
  readonly port: number
  /** 0 where the text has none (Redis 3). */
  readonly busPort: number
  readonly flags: readonly string[]
  readonly replicates: string | undefined
  readonly configEpoch: number
  readonly linked: boolean
  readonly slots: readonly SlotRange[]
  readonly migrating: readonly OpenSlot[]
  readonly importing: readonly OpenSlot[]
}

/** Reads the text of CLUSTER NODES. Undefined when a line has another form; empty lines are passed over. */
export function parseNodes(text: string): NodeLine[] | undefined {
  const nodes: NodeLine[] = []
  for (const line of text.split('\n')) {
    if (line === '') continue
    const node = parseLine(line)
    if (node === undefined) return undefined
    nodes.push(node)
  }
  return nodes
}

function parseLine(line: string): NodeLine | undefined {
  const [id, address, flags, master, , , epoch, link, ...slotWords] = line.trimEnd().split(' ')
  if (id === undefined || address === undefined || flags === undefined || link === undefined) return undefined
  const where = /^(.*):(\d+)(?:@(\d+))?(?:,.*)?$/.exec(address)
  if (where === null) return undefined
  const slots: SlotRange[] = []
  const migrating: OpenSlot[] = []
  const importing: OpenSlot[] = []
  for (const word of slotWords) {
    const open = /^\[(\d+)-([<>])-([^\]]+)\]?$/.exec(word)
    if (open !== null) {
      const list = open[2] === '>' ? migrating : importing
      list.push({ slot: Number(open[1]), node: open[3]! })
      continue
    }
    const range = /^(\d+)(?:-(\d+))?$/.exec(word)
    if (range === null) continue
    const first = Number(range[1])
    const last = Number(range[2] ?? range[1])
    if (first > last || last >= SLOTS) return undefined
    slots.push({ first, last })
  }
  return {
    id,
    host: where[1]!,
    port: Number(where[2]),
    busPort: Number(where[3] ?? 0),
    flags: flags.split(','),
    replicates: master === '-' ? undefined : master,
    configEpoch: Number(epoch),
    linked: link === 'connected',
    slots,
    migrating,
    importing,
  }
}

export function countSlots(ranges: readonly SlotRange[]): number {
  return ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0)
}

/** The single slots of the ranges, in their order. */
export function slotsOf(ranges: readonly SlotRange[]): number[] {
  return ranges.flatMap(({ first, last }) => Array.from({ length: last - first + 1 }, (_, i) => first + i))
}

/** Slots in any order as the fewest ranges, in rising order. */
export function rangesOf(slots: Iterable<number>): SlotRange[] {
  const ranges: { first: number; last: number }[] = []
  for (const slot of [...slots].sort((a, b) => a - b)) {
    const current = ranges[ranges.length - 1]
    if (current !== undefined && slot <= current.last + 1) current.last = slot
    else ranges.push({ first: slot, last: slot })
  }
  return ranges
}

/** How many of the 16384 slots at least one node serves. */
export function coveredSlots(nodes: Iterable<{ readonly slots: readonly SlotRange[] }>): number {
  const covered = new Uint8Array(SLOTS)
  for (const node of nodes) for (const { first, last } of node.slots) covered.fill(1, first, last + 1)
  return covered.reduce((sum, one) => sum + one, 0)
}

/**
 * Who serves what, in the eyes of one node, as a text: two nodes agree when the texts are equal. Slots on their
 * way do not count.
 */
export function signatureOf(nodes: readonly NodeLine[]): string {
  return nodes
    .filter((node) => node.slots.length > 0)
    .map((node) => `${node.id}:${node.slots.map(({ first, last }) => `${first}-${last}`).join(',')}`)
    .sort()
    .join('|')
}
