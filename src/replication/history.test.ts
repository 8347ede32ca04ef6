/** Which history a node says it is in: while a synchronisation replaces its dataset, after a restart, after a promotion. */

import { expect, test } from 'vitest'
import { createTurn, type Effect, type Turn } from './effects.js'
import { feedCommand } from './feed.js'
import { masterBytes, masterConnected } from './handshake.js'
import { replicaOffset } from './masterlink.js'
import { psync } from './psync.js'
import { dataAge, lacksDataset } from './report.js'
import { setMaster, unsetMaster } from './role.js'
import { createReplication, defaultOptions, NO_REPLID, type Replication, restoreHistory } from './state.js'
import { ascii } from './wire.js'

const NOW_MS = 1_000_000
const HISTORY = 'a'.repeat(40)

interface Scene {
  r: Replication
  turn: Turn
}

function scene(options: Partial<ReturnType<typeof defaultOptions>> = {}): Scene {
  let drawn = 0
  const turn = createTurn(NOW_MS, () => String(++drawn).padStart(40, '0'))
  return { r: createReplication({ ...defaultOptions(), ...options }, turn), turn }
}

function hear({ r, turn }: Scene, text: string): void {
  const bytes = ascii(text)
  masterBytes(r, r.master.attempt, bytes, 0, bytes.length, turn)
}

/** The connection to the master is there, and the handshake through: what was asked with PSYNC. */
function askToContinue(at: Scene): string {
  at.turn.effects.length = 0
  masterConnected(at.r, at.r.master.attempt, at.turn)
  hear(at, '+PONG\r\n+OK\r\n+OK\r\n')
  const sent = (effect: Effect): string =>
    effect.kind === 'sendMaster' ? String.fromCharCode(...effect.bytes) : ''
  return at.turn.effects.map(sent).join('')
}

test('with the dataset its history is given up: nobody goes on in it, and nobody is promoted for it', () => {
  const at = scene({ replDisklessLoad: 'on-empty-db' })
  const { r, turn } = at
  restoreHistory(r, { streamDb: 0, replid: HISTORY, offset: 50 }, true, turn)
  setMaster(r, '127.0.0.1', 7000, turn)
  r.master.downSince_ms = NOW_MS - 10
  r.master.datasetEmpty = true
  expect(askToContinue(at)).toContain(`${HISTORY}\r\n$2\r\n51\r\n`)
  hear(at, `+FULLRESYNC ${'b'.repeat(40)} 100\r\n`)
  expect(lacksDataset(r, false, NOW_MS)).toBe(false)
  hear(at, '$1000\r\nREDIS')
  expect(lacksDataset(r, false, NOW_MS)).toBe(true)
  expect(dataAge(r, NOW_MS)).toBe(Infinity)
  expect([r.replid2, r.backlog, r.offset]).toEqual([NO_REPLID, null, 0])
  const asker = { id: 1, peerIp: '', client: '', hasPendingReplies: false }
  const words = ['PSYNC', HISTORY, '51', 'FAILOVER'].map(ascii)
  expect(psync(r, asker, words, turn)).toBe('ERR PSYNC FAILOVER replid must match my replid.')
  unsetMaster(r, turn)
  expect(lacksDataset(r, true, NOW_MS)).toBe(false)
  expect(r.replid2).toBe(NO_REPLID)
})

test('a replica that never had anything lacks the dataset as long as it has no keys', () => {
  const { r, turn } = scene()
  expect(lacksDataset(r, true, NOW_MS)).toBe(false)
  setMaster(r, '127.0.0.1', 7000, turn)
  expect(lacksDataset(r, true, NOW_MS)).toBe(true)
  expect(lacksDataset(r, false, NOW_MS)).toBe(false)
})

test("another shard's data count for nothing until the new master has let us go on or has sent its own", () => {
  const at = scene()
  const { r, turn } = at
  restoreHistory(r, { streamDb: 0, replid: HISTORY, offset: 50 }, true, turn)
  setMaster(r, '127.0.0.1', 7000, turn)
  r.master.downSince_ms = NOW_MS - 10
  expect([lacksDataset(r, false, NOW_MS), dataAge(r, NOW_MS), replicaOffset(r)]).toEqual([false, 10, 50])
  r.foreign = true
  expect([lacksDataset(r, false, NOW_MS), dataAge(r, NOW_MS), replicaOffset(r)]).toEqual([true, Infinity, 0])
  // A new address, still no data.
  setMaster(r, '127.0.0.1', 7001, turn)
  expect(lacksDataset(r, false, NOW_MS)).toBe(true)
  askToContinue(at)
  hear(at, '+CONTINUE\r\n')
  expect([lacksDataset(r, false, NOW_MS), dataAge(r, NOW_MS), replicaOffset(r)]).toEqual([false, 0, 50])
  r.foreign = true
  unsetMaster(r, turn)
  expect(r.foreign).toBe(false)
})

test('a restarted master that has written nothing goes on, as a replica, in the history of its file', () => {
  const at = scene()
  restoreHistory(at.r, { streamDb: 3, replid: HISTORY, offset: 50 }, false, at.turn)
  setMaster(at.r, '127.0.0.1', 7000, at.turn)
  expect(at.r.master.cached).toEqual({ replid: HISTORY, offset: 50, db: 3 })
  expect(askToContinue(at)).toContain(`${HISTORY}\r\n$2\r\n51\r\n`)
})

test('one that has written asks in its own', () => {
  const at = scene()
  const { r, turn } = at
  restoreHistory(r, { streamDb: 3, replid: HISTORY, offset: 50 }, false, turn)
  feedCommand(r, 0, ['SET', 'k', 'v'], turn)
  const own = r.replid
  setMaster(r, '127.0.0.1', 7000, turn)
  expect(r.master.cached).toMatchObject({ replid: own, db: 0 })
  expect(askToContinue(at)).not.toContain(HISTORY)
})
