/** A command that was typed: the server's, or `help`, which is answered here. */

import type { Session } from './session.js'
import type { Bytes } from './text.js'

/** Sends a command; `help` and `?` are answered here, without the server's knowledge of them. */
export async function issueWithHelp(session: Session, args: Bytes[], repeat: number): Promise<boolean> {
  const [command] = args
  if (command?.toLowerCase() === 'help' || command === '?') {
    const { showHelp } = await import('./help.js')
    await showHelp(session, args.slice(1))
    return true
  }
  return session.issue(args, repeat)
}
