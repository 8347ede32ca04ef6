/** The world as a program of this room sees it: handed in, so that a test can run it in its own process. */

import type { Readable, Writable } from 'node:stream'

export interface Io {
  readonly stdin: Readable & { readonly isTTY?: boolean; setRawMode?(raw: boolean): unknown }
  readonly stdout: Writable & { readonly isTTY?: boolean; readonly columns?: number }
  readonly stderr: Writable
  readonly env: Readonly<Record<string, string | undefined>>
  /** Calls back on Ctrl-C (SIGINT) until the returned function is called. */
  onInterrupt(listener: () => void): () => void
}

/** As the shell counts a program that SIGPIPE ended. */
const BROKEN_PIPE_CODE = 141

/** The process's own. */
export function processIo(): Io {
  // Whoever read our output has gone (`| head`): there is nobody left to say anything to.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(BROKEN_PIPE_CODE)
  })
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    onInterrupt: (listener) => {
      process.on('SIGINT', listener)
      return () => process.off('SIGINT', listener)
    },
  }
}

/** All of standard input. */
export async function readAll(io: Io): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  for await (const chunk of io.stdin) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
  return Buffer.concat(chunks)
}

/** Standard input line by line, without the line ends; a last line without an end counts. Lines stay bytes. */
export class LineReader {
  readonly #source: AsyncIterator<Uint8Array | string>
  readonly #input: Io['stdin']
  #pieces: Uint8Array[] = []
  #ended = false
  #filling: Promise<void> | undefined

  constructor(io: Io) {
    this.#input = io.stdin
    this.#source = io.stdin[Symbol.asyncIterator]()
  }

  /** The next line, or undefined at the end. */
  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const last = this.#pieces[this.#pieces.length - 1]
      const end = last?.indexOf(10) ?? -1
      if (last !== undefined && end !== -1) {
        this.#pieces[this.#pieces.length - 1] = last.subarray(0, end)
        const line = Buffer.concat(this.#pieces)
        this.#pieces = [last.subarray(end + 1)]
        return line
      }
      if (this.#ended) {
        const rest = Buffer.concat(this.#pieces)
        this.#pieces = []
        return rest.length > 0 ? rest : undefined
      }
      await this.#fill()
    }
  }

  /** Resolves when something has come that `next` has not given yet, or the end. */
  async ready(): Promise<void> {
    while (!this.#ended && !this.#pieces.some((piece) => piece.length > 0)) await this.#fill()
  }

  /** Takes the next piece; one read is under way at a time, however many callers wait for it. */
  #fill(): Promise<void> {
    this.#filling ??= this.#source.next().then(({ done, value }) => {
      this.#filling = undefined
      if (done === true) this.#ended = true
      else this.#pieces.push(typeof value === 'string' ? Buffer.from(value) : value)
    })
    return this.#filling
  }

  /** Lets go of standard input, so that the program can end. */
  close(): void {
    this.#input.destroy()
  }
}
