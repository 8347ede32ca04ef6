/**
 * Who becomes a master, with which slots, and who replicates whom: plans, made of addresses alone.
 *
 * Masters are taken from the machines in turn, so that they spread; a replica goes to a master on another
 * machine. Two orders of doing so exist, redis-trib.rb's and redis-cli's, and their users know what comes out:
 * for both the first pass here takes the same nodes as they do. That first pass can end with a replica beside
 * its master although another arrangement would not; redis-cli then swaps at random for a while. Here a
 * matching follows (Kuhn's augmenting paths), which finds an arrangement without such a pair whenever one
 * exists, and then swaps that part replicas of one master.
 */

import { SLOTS } from '../bytes/crc16.js'
import type { SlotRange } from './nodes.js'

export type Style = 'trib' | 'cli'

export interface Assignment {
  /** Indexes into the given nodes. */
  readonly replica: number
  readonly master: number
}

export interface Allocation {
  /** Indexes into the given nodes, and the slots of each. */
  readonly masters: readonly number[]
  readonly slots: readonly SlotRange[]
  /** In the order in which the first pass made them. */
  readonly firstPass: readonly Assignment[]
  /** The first `requested` of firstPass are what was asked for; the rest are nodes left over. */
  readonly requested: number
  /** What to do. The same as firstPass where that was good. */
  readonly assignments: readonly Assignment[]
  /** Of firstPass, and of assignments: 0 when all is well apart; 10000 and more when a replica is beside its master. */
  readonly scoreBefore: number
  readonly score: number
}

export const MASTERS_MIN = 3
const BESIDE_MASTER = 10_000

/** How many masters that many nodes make. Fewer than MASTERS_MIN are no cluster. */
export function mastersOf(nodes: number, replicas: number): number {
  return Math.floor(nodes / (replicas + 1))
}

/**
 * Plans a new cluster. `machines` holds each node's machine (its host); there must be enough nodes for
 * MASTERS_MIN masters.
 */
export function allocate(machines: readonly string[], replicas: number, style: Style): Allocation {
  const count = mastersOf(machines.length, replicas)
  const turn = inTurn(machines, style)
  const masters = turn.slice(0, count)
  const spare = turn.slice(count)
  // redis-cli begins with the second of those left over.
  if (style === 'cli' && spare.length > 0) spare.push(spare.shift()!)
  const { assignments: firstPass, requested } = assign(machines, masters, spare, replicas)
  const scoreBefore = affinityScore(machines, firstPass)
  const assignments = scoreBefore === 0 ? firstPass : improve(machines, firstPass)
  return {
    masters,
    slots: splitSlots(count, style),
    firstPass,
    requested,
    assignments,
    scoreBefore,
    score: affinityScore(machines, assignments),
  }
}

/**
 * One node of each machine, then the next of each, … redis-trib asked a hash of its language for the machines, whose
 * order was that language's affair; in the transcripts that people know by heart the machine named last comes first, so it
 * does here. redis-cli takes them as they were named.
 */
function inTurn(machines: readonly string[], style: Style): number[] {
  const byMachine = new Map<string, number[]>()
  machines.forEach((machine, node) => {
    const nodes = byMachine.get(machine)
    if (nodes === undefined) byMachine.set(machine, [node])
    else nodes.push(node)
  })
  const order = style === 'trib' ? [...byMachine.values()].reverse() : [...byMachine.values()]
  const out: number[] = []
  for (let round = 0; out.length < machines.length; round++) {
    for (const nodes of order) if (nodes[round] !== undefined) out.push(nodes[round]!)
  }
  return out
}

/** Equal shares, rounded as each tool rounds: redis-trib counts in double precision, redis-cli in single. */
export function splitSlots(masters: number, style: Style): SlotRange[] {
  const real = style === 'cli' ? Math.fround : (value: number) => value
  const share = real(SLOTS / masters)
  const out: SlotRange[] = []
  let first = 0
  let cursor = 0
  for (let i = 0; i < masters; i++) {
    const rounded = Math.round(real(real(cursor + share) - 1))
    const last = i === masters - 1 ? SLOTS - 1 : Math.max(first, rounded)
    out.push({ first, last })
    first = last + 1
    cursor = real(cursor + share)
  }
  return out
}

/** Each master takes the first node of another machine, else the first there is; what is left goes round once more. */
function assign(
  machines: readonly string[],
  masters: readonly number[],
  spare: readonly number[],
  replicas: number,
) {
  const left = [...spare]
  const assignments: Assignment[] = []
  const take = (master: number) => {
    const elsewhere = left.findIndex((node) => machines[node] !== machines[master])
    const [replica] = left.splice(Math.max(0, elsewhere), 1)
    if (replica !== undefined) assignments.push({ replica, master })
  }
  for (const master of masters) for (let i = 0; i < replicas; i++) take(master)
  const requested = assignments.length
  // Without replicas nothing is left over: every node is a master.
  while (left.length > 0) for (const master of masters) take(master)
  return { assignments, requested }
}

/** redis-cli's measure: 10000 for each replica beside its master, 1 for each replica among siblings on one machine. */
export function affinityScore(machines: readonly string[], assignments: readonly Assignment[]): number {
  const siblings = new Map<string, number>()
  let score = 0
  for (const { replica, master } of assignments) {
    if (machines[replica] === machines[master]) score += BESIDE_MASTER
    else {
      const place = `${master} ${machines[replica]}`
      siblings.set(place, (siblings.get(place) ?? 0) + 1)
    }
  }
  for (const count of siblings.values()) if (count > 1) score += count
  return score
}

function improve(machines: readonly string[], given: readonly Assignment[]): Assignment[] {
  return partSiblings(machines, partFromMasters(machines, given))
}

/**
 * Places are the masters of the given assignments, one for each replica. A replica beside its master looks for
 * a place elsewhere whose holder can go on to another place, and so on: an augmenting path.
 */
function partFromMasters(machines: readonly string[], given: readonly Assignment[]): Assignment[] {
  const places = given.map((assignment) => assignment.master)
  const fits = (replica: number, place: number) => machines[replica] !== machines[places[place]!]
  const holder: (number | undefined)[] = given.map(({ replica }, place) =>
    fits(replica, place) ? replica : undefined,
  )
  const homeless = given.filter(({ replica }, place) => !fits(replica, place)).map(({ replica }) => replica)
  const find = (replica: number, seen: Set<number>): boolean => {
    for (let place = 0; place < places.length; place++) {
      if (!fits(replica, place) || seen.has(place)) continue
      seen.add(place)
      const other = holder[place]
      if (other !== undefined && !find(other, seen)) continue
      holder[place] = replica
      return true
    }
    return false
  }
  const unlucky = homeless.filter((replica) => !find(replica, new Set()))
  return places.map((master, place) => ({ master, replica: holder[place] ?? unlucky.shift()! }))
}

/** Swaps two replicas' masters as long as that lowers the score. Each round lowers it, so it ends. */
function partSiblings(machines: readonly string[], given: readonly Assignment[]): Assignment[] {
  let best = [...given]
  let score = affinityScore(machines, best)
  for (let improved = true; improved && score > 0; ) {
    improved = false
    for (let a = 0; a < best.length; a++) {
      for (let b = a + 1; b < best.length; b++) {
        if (best[a]!.master === best[b]!.master) continue
        const tried = [...best]
        tried[a] = { master: best[a]!.master, replica: best[b]!.replica }
        tried[b] = { master: best[b]!.master, replica: best[a]!.replica }
        const triedScore = affinityScore(machines, tried)
        if (triedScore >= score) continue
        best = tried
        score = triedScore
        improved = true
      }
    }
  }
  return best
}
