/**
 * --pipe: the protocol on standard input goes to the server as fast as it takes it, while the replies are
 * counted. At the end an ECHO of twenty random bytes tells when the last reply has come.
 */

import { randomBytes } from 'node:crypto'
import { ConnectionError } from '../../../client/index.js'
import type { Session } from '../session.js'

const MAGIC_BYTES = 20

export async function pipe(session: Session): Promise<number> {
  const { io, options } = session
  const connection = session.connection!
  const magic = randomBytes(MAGIC_BYTES)
  let replies = 0
  let errors = 0
  let allSent = false
  let lastReply = Date.now()
  let timer: NodeJS.Timeout | undefined

  const send = async () => {
    for await (const chunk of io.stdin) {
      const bytes = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
      if (!connection.writeRaw(bytes)) await connection.drained()
      if (connection.error !== undefined) return
    }
    allSent = true
    // An empty line first: should the input have ended within a line, the ECHO still stands for itself.
    const echo = [Buffer.from(`\r\n*2\r\n$4\r\nECHO\r\n$${MAGIC_BYTES}\r\n`), magic, Buffer.from('\r\n')]
    connection.writeRaw(Buffer.concat(echo))
    session.print('All data transferred. Waiting for the last reply...\n')
  }

  const receive = async (): Promise<'done'> => {
    for (;;) {
      const reply = await connection.read()
      lastReply = Date.now()
      if (reply.kind === 'error') {
        io.stderr.write(reply.bytes)
        session.complain('\n')
        errors++
      } else if (allSent && reply.kind === 'bulk' && magic.equals(reply.bytes)) {
        session.print('Last reply received from server.\n')
        return 'done'
      }
      replies++
    }
  }

  const silence = new Promise<'silent'>((resolve) => {
    if (options.pipeTimeout_s <= 0) return
    timer = setInterval(() => {
      if (allSent && Date.now() - lastReply > options.pipeTimeout_s * 1000) resolve('silent')
    }, 100)
  })

  try {
    const sending = send()
    const ended = await Promise.race([receive(), silence])
    if (ended === 'silent') {
      session.complain(`No replies for ${options.pipeTimeout_s} seconds: exiting.\n`)
      errors++
    } else await sending
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error
    session.complain('Error reading replies from server\n')
    io.stdin.destroy()
    return 1
  } finally {
    clearInterval(timer)
  }
  session.print(`errors: ${errors}, replies: ${replies}\n`)
  return errors > 0 ? 1 : 0
}
