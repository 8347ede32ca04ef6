/**
 * The gate between nodes.conf and the outside: what promises a state leaves a node only when a crash cannot take that
 * state back. Many changes share one write; while it is under way the node goes on, and what would leave waits, in its
 * order.
 *
 *     ask()        a change was made that something will promise: the number of the write that will hold it
 *     begun()      the shell encodes nodes.conf now: what is asked for from here on is for the next write
 *     reached(n)   write n is on the disk, synced: what waited for it leaves
 *     whenSafe(f)  f runs when all that was asked for so far is on the disk; at once when it is already
 *
 * Every packet carries the sender's slots and epochs, so all packets wait, also those of later inputs. Replies wait
 * that may show the cluster's configuration. The data path does not: a slot's keys are in no danger from a node that
 * forgets a claim, since source and target of a move then still know it as being moved.
 */

export interface Gate {
  /** Number of the last write that was asked for, that was begun, and that is on the disk. */
  asked: number
  started: number
  safe: number
  readonly waiting: { readonly after: number; readonly leave: () => void }[]
}

export function createGate(): Gate {
  return { asked: 0, started: 0, safe: 0, waiting: [] }
}

/** Asks for a write, or joins the one that has been asked for and not begun. */
export function ask(gate: Gate): void {
  if (gate.asked === gate.started) gate.asked++
}

/** Returns the number of the write that begins. */
export function begun(gate: Gate): number {
  gate.started = gate.asked
  return gate.started
}

/** A later write holds what the earlier ones held, so `write` may be greater than expected, never a step back. */
export function reached(gate: Gate, write: number): void {
  gate.safe = Math.max(gate.safe, write)
  // What leaves may ask for the next write, and add to the queue behind it.
  while (gate.waiting.length > 0 && gate.waiting[0]!.after <= gate.safe) gate.waiting.shift()!.leave()
}

export function isOpen(gate: Gate): boolean {
  return gate.safe === gate.asked
}

export function whenSafe(gate: Gate, leave: () => void): void {
  if (isOpen(gate)) leave()
  else gate.waiting.push({ after: gate.asked, leave })
}
