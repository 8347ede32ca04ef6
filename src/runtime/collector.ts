/**
 * How V8 collects garbage in a process that is a node. Nearly all that a node holds lies outside of the collector's heap, which
 * is some ten megabytes; what it does there takes a millisecond or two. By default it hands parts of that to helping threads and
 * then waits for them, and where the machine is busy, that a helper gets a processor takes far longer than the work: waits of
 * fifty milliseconds and more were measured. So the event loop does by itself what it would wait for. Marking too, in steps of a
 * tenth of a millisecond: helpers would mark beside it, but take a processor from it and let it wait in the end until they have
 * noticed that they are done.
 *
 * These flags hold for the whole process, so the program sets them, never a
 * node, which may be one of many in a process of somebody else.
 */

import { setFlagsFromString } from 'node:v8'

const FLAGS = [
  '--no-parallel-scavenge',
  '--no-parallel-compaction',
  '--no-parallel-pointer-update',
  '--no-concurrent-marking',
]

export function collectWithoutHelpers(): void {
  for (const flag of FLAGS) setFlagsFromString(flag)
}
