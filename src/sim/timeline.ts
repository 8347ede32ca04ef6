/** Virtual time: events in the order of their time, those of the same time in the order in which they were made. */

interface Event {
  readonly at_ms: number
  readonly order: number
  readonly run: () => void
}

export interface Timeline {
  now_ms: number
  order: number
  /** A binary heap, the next event first. */
  readonly heap: Event[]
}

export function createTimeline(now_ms: number): Timeline {
  return { now_ms, order: 0, heap: [] }
}

/** Has `run` called at `at_ms`, or now if that is past. */
export function schedule(timeline: Timeline, at_ms: number, run: () => void): void {
  const { heap } = timeline
  heap.push({ at_ms: Math.max(at_ms, timeline.now_ms), order: timeline.order++, run })
  let child = heap.length - 1
  while (child > 0) {
    const parent = (child - 1) >> 1
    if (!before(heap[child]!, heap[parent]!)) break
    swap(heap, child, parent)
    child = parent
  }
}

/** Runs all events up to `until_ms`, or until `stop` says so after one of them. Time ends at `until_ms`. */
export function runUntil(timeline: Timeline, until_ms: number, stop: () => boolean = () => false): void {
  for (;;) {
    const next = timeline.heap[0]
    if (next === undefined || next.at_ms > until_ms) break
    removeFirst(timeline.heap)
    timeline.now_ms = next.at_ms
    next.run()
    if (stop()) return
  }
  timeline.now_ms = Math.max(timeline.now_ms, until_ms)
}

function removeFirst(heap: Event[]): void {
  const last = heap.pop()!
  if (heap.length === 0) return
  heap[0] = last
  let parent = 0
  for (;;) {
    const left = parent * 2 + 1
    let least = parent
    if (left < heap.length && before(heap[left]!, heap[least]!)) least = left
    if (left + 1 < heap.length && before(heap[left + 1]!, heap[least]!)) least = left + 1
    if (least === parent) return
    swap(heap, parent, least)
    parent = least
  }
}

function before(a: Event, b: Event): boolean {
  return a.at_ms < b.at_ms || (a.at_ms === b.at_ms && a.order < b.order)
}

function swap(heap: Event[], i: number, j: number): void {
  const event = heap[i]!
  heap[i] = heap[j]!
  heap[j] = event
}
