/**
 * Where large values wait for their blocks to be freed. A collection of a million elements is gone for everybody the moment
 * its key is; to give back a million blocks takes a tenth of a second, which nobody should have to wait for. So what is
 * large is buried here, and a node's regular work digs a little at a time (server/sweep.ts). Until then its blocks count
 * as used memory, which they are; who is short of memory digs before he evicts anything.
 */

/** A value whose blocks are freed in pieces. */
export interface Grave {
  /** Frees about so many blocks; true while there is more. */
  freeSome(blocks: number): boolean
}

interface Burial {
  readonly grave: Grave
  /** How many objects of the dataset it is. */
  readonly objects: number
  readonly done: (() => void) | undefined
}

export class Graveyard {
  /** Objects whose memory has not been freed yet. */
  pending = 0
  /** Objects whose memory was freed here, ever or since `freed` was set to 0. */
  freed = 0
  /** Called when something is buried: somebody should dig soon. Where nobody would, values are freed at once instead. */
  wake: (() => void) | null = null
  private readonly burials: Burial[] = []

  /** Takes over what is to be freed; `done` is called when nothing is left of it. */
  bury(grave: Grave, objects: number, done?: () => void): void {
    this.burials.push({ grave, objects, done })
    this.pending += objects
    this.wake?.()
  }

  /** Frees about so many blocks; true while there is more. */
  dig(blocks: number): boolean {
    const burial = this.burials[0]
    if (burial === undefined) return false
    if (!burial.grave.freeSome(blocks)) {
      this.burials.shift()
      this.over(burial)
    }
    return this.burials.length > 0
  }

  /** The whole heap is forgotten: nothing is left to be freed. */
  clear(): void {
    for (const burial of this.burials) this.over(burial)
    this.burials.length = 0
  }

  private over({ objects, done }: Burial): void {
    this.pending -= objects
    this.freed += objects
    done?.()
  }
}
