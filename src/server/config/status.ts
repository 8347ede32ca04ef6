/**
 * Which directives do something in this version. The others are read, checked, shown and kept like these,
 * so that a redis.conf written for Redis starts a node, but nothing looks at their values.
 *
 * Kept by hand, beside nothing else, because it is a statement about the rest of the node: whoever makes a
 * directive work adds its name here, and docs/compatibility.md is made from it. status.test.ts looks for
 * the readers of every name.
 */

import type { DirectiveName } from './table.js'

export type Status = 'works' | 'accepted'

const WORKS: ReadonlySet<DirectiveName> = new Set<DirectiveName>(['dir', 'enable-protected-configs'])

export function statusOf(name: DirectiveName): Status {
  return WORKS.has(name) ? 'works' : 'accepted'
}
