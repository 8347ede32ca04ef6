/** What the decoders of files share: reading in pieces, and printing no faster than somebody reads. */

import { open } from 'node:fs/promises'
import type { Io } from '../cli/io.js'

const PIECE_BYTES = 256 * 1024

/** Hands a file to `take` piece by piece, until that says false or the file ends. */
export async function readPieces(
  path: string,
  take: (buf: Uint8Array, count: number) => Promise<boolean>,
): Promise<void> {
  const file = await open(path)
  try {
    const buf = new Uint8Array(PIECE_BYTES)
    for (;;) {
      const { bytesRead } = await file.read(buf, 0, buf.length)
      if (bytesRead === 0 || !(await take(buf, bytesRead))) return
    }
  } finally {
    await file.close()
  }
}

/** Lines on standard output. */
export class LinePrinter {
  private readonly io: Io
  private full = false

  constructor(io: Io) {
    this.io = io
  }

  print(line: string): void {
    if (!this.io.stdout.write(`${line}\n`)) this.full = true
  }

  /** Waits until what was printed has gone; to be called between pieces. */
  async caughtUp(): Promise<void> {
    if (!this.full) return
    this.full = false
    if (this.io.stdout.writableNeedDrain)
      await new Promise((resolve) => this.io.stdout.once('drain', resolve))
  }
}
