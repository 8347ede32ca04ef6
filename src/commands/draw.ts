/** Drawing at random, as often as a client asks for: HRANDFIELD, SRANDMEMBER and ZRANDMEMBER with a negative count. */

import type { Reply } from '../resp/reply.js'
import type { Call } from './call.js'

/** Between two looks whether anybody will get what is drawn. A power of two. */
const DRAWN_A_LOOK = 1024

/** Calls `draw` so often, unless the client has lost its claim to a reply by then: it may ask for a billion. */
export function drawOften(call: Call, reply: Reply, times: number, draw: () => void): void {
  for (let i = 1; i <= times; i++) {
    draw()
    if (i % DRAWN_A_LOOK === 0 && (reply.overflowed || call.host.outgrown?.() === true)) return
  }
}
