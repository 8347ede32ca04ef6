/** Different elements at random: a walk that chooses, or where few are wanted of many, tries until there are enough. */

import type { Dictionary } from './dictionary.js'

/** A walk over all costs less than tries once more than a third is wanted, as Redis has it. */
const WALK_FROM = 3

/** Chooses `count` of `total` things that pass one by one, each as likely as any other (Knuth's algorithm S). */
export class Chooser {
  private wanted: number
  private left: number
  private readonly random32: () => number

  constructor(count: number, total: number, random32: () => number) {
    this.wanted = count
    this.left = total
    this.random32 = random32
  }

  /** Whether the one that passes now is chosen. */
  next(): boolean {
    const chosen = ((this.random32() >>> 0) / 2 ** 32) * this.left < this.wanted
    this.left--
    if (chosen) this.wanted--
    return chosen
  }
}

/** Visits `count` different elements of a dictionary that has at least so many. */
export function sampleDictionary(
  dictionary: Dictionary,
  count: number,
  random32: () => number,
  visit: (element: number) => void,
): void {
  if (count * WALK_FROM > dictionary.size) {
    const chooser = new Chooser(count, dictionary.size, random32)
    dictionary.forEach((element) => {
      if (chooser.next()) visit(element)
    })
    return
  }
  const seen = new Set<number>()
  while (seen.size < count) {
    const element = dictionary.random(random32)
    if (seen.has(element)) continue
    seen.add(element)
    visit(element)
  }
}
