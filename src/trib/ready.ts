/** Waiting until a cluster can be used: what `create` leaves to the nodes themselves. */

import { setTimeout as sleep } from 'node:timers/promises'
import { type Connection, ConnectionError, connect, parseAddress, textOf } from '../client/index.js'
import { type Access, infoField, type Outcome } from './session.js'

export interface ReadyOptions {
  readonly access?: Access
  /** Also wait until every replica is linked to its master. */
  readonly linked?: boolean
  readonly timeout_ms?: number
}

export const READY_POLL_MS = 20
export const READY_TIMEOUT_MS = 30_000

/** Resolves when every node of `addresses` says cluster_state:ok (and, asked for, every replica is linked). */
export async function waitUntilReady(
  addresses: readonly string[],
  options: ReadyOptions = {},
): Promise<Outcome<void>> {
  const deadline = performance.now() + (options.timeout_ms ?? READY_TIMEOUT_MS)
  const late = await Promise.all(addresses.map((address) => nodeReady(address, options, deadline)))
  const reason = late.find((one) => one !== undefined)
  return reason === undefined ? { ok: true, value: undefined } : { ok: false, reason }
}

async function nodeReady(text: string, options: ReadyOptions, deadline: number): Promise<string | undefined> {
  const address = parseAddress(text)
  if (address === undefined) return `Invalid address format: ${text}`
  let connection: Connection | undefined
  let state = 'it did not answer'
  try {
    while (performance.now() < deadline) {
      try {
        connection ??= await connect({ ...options.access, ...address })
        const [cluster, replication] = await connection.pipeline([
          ['CLUSTER', 'INFO'],
          ['INFO', 'replication'],
        ])
        state = notReady(textOf(cluster) ?? '', textOf(replication) ?? '', options.linked === true)
        if (state === '') return undefined
      } catch (error) {
        if (!(error instanceof ConnectionError)) throw error
        state = error.message
        connection = undefined
      }
      await sleep(READY_POLL_MS)
    }
    return `${text} is not ready: ${state}`
  } finally {
    connection?.close()
  }
}

function notReady(cluster: string, replication: string, linked: boolean): string {
  const state = infoField(cluster, 'cluster_state')
  if (state !== 'ok') return state === undefined ? cluster.trim() : `cluster_state:${state}`
  const link = infoField(replication, 'master_link_status')
  return linked && link !== undefined && link !== 'up' ? `master_link_status:${link}` : ''
}
