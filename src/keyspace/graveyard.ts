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
  /** In the order in which they are dug; those before `next` are over. */
  private burials: (Burial | null)[] = []
  private next = 0

  /** Takes over what is to be freed; `done` is called when nothing is left of it. */
  bury(grave: Grave, objects: number, done?: () => void): void {
    this.burials.push({ grave, objects, done })
    this.pending += objects
    this.wake?.()
  }

  /** Frees about so many blocks; true while there is more. */
  dig(blocks: number): boolean {
    const burial = this.burials[this.next] ?? null
    if (burial === null) return false
    if (!burial.grave.freeSome(blocks)) {
      this.burials[this.next++] = null
      // Moved only when that is half of them, so that each is moved once on average.
      if (this.next * 2 > this.burials.length) {
        this.burials = this.burials.slice(this.next)
        this.next = 0
      }
      this.over(burial)
    }
    return this.next < this.burials.length
  }

  /** The whole heap is forgotten: nothing is left to be freed. */
  clear(): void {
    const { burials } = this
    this.burials = []
    this.next = 0
    for (const burial of burials) if (burial !== null) this.over(burial)
  }

  private over({ objects, done }: Burial): void {
    this.pending -= objects
    this.freed += objects
    done?.()
  }
}
