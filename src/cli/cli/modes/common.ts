/** What the modes share. */

import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Argument,
  ConnectionError,
  errorOf,
  itemsOf,
  numberOf,
  type Reply,
  textOf,
} from '../../../client/index.js'
import { Exit } from '../exit.js'
import type { Session } from '../session.js'
import { type Bytes, fromBytes, toBytes } from '../text.js'

/** A command whose failure ends the program, with `\nI/O error`. */
export async function must(session: Session, ...args: Argument[]): Promise<Reply> {
  try {
    return await session.connection!.call(...args)
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error
    session.complain('\nI/O error\n')
    throw new Exit(1)
  }
}

/** A command that waits for a lost server to come back, telling how often it tried. */
export async function persistent(session: Session, ...args: Argument[]): Promise<Reply> {
  for (let tries = 0; ; ) {
    try {
      const reply = await session.connection!.call(...args)
      if (tries > 0) session.print('\r\x1b[0K')
      return reply
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error
      do {
        session.print(`\r\x1b[0KReconnecting... ${++tries}\r`)
        await sleep(1000)
      } while (!(await session.connect(true)))
    }
  }
}

/** All keys, as SCAN hands them out; ends early when interrupted. */
export async function* scanKeys(session: Session, interrupted: () => boolean): AsyncGenerator<Bytes[]> {
  const { pattern } = session.options
  let cursor: Bytes = '0'
  do {
    const match = pattern === undefined ? [] : ['MATCH', toBytes(pattern)]
    const reply = await must(session, 'SCAN', cursor, ...match)
    const error = errorOf(reply)
    const [next, keys] = itemsOf(reply)
    const complaint =
      error !== undefined
        ? `SCAN error: ${error}`
        : reply.kind !== 'array'
          ? 'Non ARRAY response from SCAN!'
          : reply.items.length !== 2
            ? 'Invalid element count from SCAN!'
            : undefined
    if (complaint !== undefined) {
      session.complain(`${complaint}\n`)
      throw new Exit(1)
    }
    cursor = textOf(next) ?? '0'
    yield itemsOf(keys).map((key) => ('bytes' in key ? fromBytes(key.bytes) : ''))
  } while (cursor !== '0' && !interrupted())
}

export async function dbSize(session: Session): Promise<number> {
  const reply = await must(session, 'DBSIZE')
  const error = errorOf(reply)
  const size = error === undefined ? numberOf(reply) : undefined
  if (size !== undefined) return size
  session.complain(
    error === undefined ? 'Non INTEGER response from DBSIZE!\n' : `Couldn't determine DBSIZE: ${error}\n`,
  )
  throw new Exit(1)
}

/** Ctrl-C asks to end and is answered when it suits. */
export function watchInterrupt(session: Session): {
  readonly interrupted: () => boolean
  readonly stop: () => void
} {
  let seen = false
  const stop = session.io.onInterrupt(() => {
    seen = true
  })
  return { interrupted: () => seen, stop }
}

/** C's %05.2f. */
export function percent(value: number): string {
  return (Number.isNaN(value) ? 'nan' : value.toFixed(2)).padStart(5, Number.isNaN(value) ? ' ' : '0')
}
