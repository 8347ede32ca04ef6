/**
 * What an operation that waits for something (another node, a disk, a timer) has relied on: the role that the node had when it
 * began. A node that was demoted meanwhile must not write for itself any more, also where it is a master again: the dataset may
 * have come from another master in between. docs/internals/continuations.md lists the operations and what each checks.
 */

import type { ServerNode } from './node.js'

/** The error of a command whose node changed its role while the command waited. */
export const ROLE_CHANGED =
  'UNBLOCKED force unblock from blocking operation, instance state changed (master -> replica?)'

export class Tenure {
  private readonly node: ServerNode
  private readonly term: number

  /** Begins now. */
  constructor(node: ServerNode) {
    this.node = node
    this.term = node.terms
  }

  /** Whether the node lives, and its role has not been set since. */
  get holds(): boolean {
    return !this.node.failed && this.node.terms === this.term
  }
}
