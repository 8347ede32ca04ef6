/** What random commands are put together of. */

import fc from 'fast-check'
import type { Part } from '../support/runner.js'

/** One of the words, in capitals or not. */
export const oneOf = (...words: string[]): fc.Arbitrary<string> =>
  fc.constantFrom(...words, ...words.map((word) => word.toLowerCase()))

/** Several parts, or groups of parts, in a row. */
export const some = (item: fc.Arbitrary<Part | readonly Part[]>, most = 4, least = 0): fc.Arbitrary<Part[]> =>
  fc.array(item, { minLength: least, maxLength: most }).map((all) => all.flat() as Part[])

/** A command: words, parts and groups of parts. */
export const words = (...parts: (fc.Arbitrary<Part | readonly Part[]> | string)[]): fc.Arbitrary<Part[]> =>
  fc
    .tuple(...parts.map((part) => (typeof part === 'string' ? oneOf(part) : part)))
    .map((all) => all.flat() as Part[])

/** Parts for many elements at once, the numbers of which follow each other: what makes large forms large. */
export const many = (make: (i: number) => readonly Part[]): fc.Arbitrary<Part[]> =>
  fc
    .tuple(fc.nat(400), fc.constantFrom(20, 20, 20, 150, 150, 600))
    .map(([from, count]) => Array.from({ length: count }, (_, i) => make(from + i)).flat())
