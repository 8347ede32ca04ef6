/** Runs a program of src/cli inside the test: standard input is given, what it prints is collected. */

import { Readable, Writable } from 'node:stream'
import type { Io } from '../src/cli/cli/io.js'

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Given {
  readonly stdin?: string | Uint8Array | Readable
  readonly env?: Record<string, string>
}

/** Latin-1 strings, so that every byte shows. */
export async function inProcess(
  run: (argv: readonly string[], io: Io) => Promise<number>,
  argv: readonly string[],
  given: Given = {},
): Promise<Ran> {
  const out: Uint8Array[] = []
  const err: Uint8Array[] = []
  const into = (chunks: Uint8Array[]) =>
    new Writable({
      write(chunk: Uint8Array, _encoding, done) {
        chunks.push(chunk)
        done()
      },
    })
  const input =
    given.stdin instanceof Readable ? given.stdin : Readable.from([Buffer.from(given.stdin ?? '')])
  const io: Io = {
    stdin: input,
    stdout: into(out),
    stderr: into(err),
    env: given.env ?? {},
    onInterrupt: () => () => {},
  }
  const code = await run(argv, io)
  const text = (chunks: Uint8Array[]) => Buffer.concat(chunks).toString('latin1')
  return { code, stdout: text(out), stderr: text(err) }
}
