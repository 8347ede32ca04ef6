/** What is on a node's ports right now: nothing, the node itself, or somebody else. */

import { realpathSync } from 'node:fs'
import { createServer } from 'node:net'
import { type Connection, ConnectionError, connect, errorOf, itemsOf, textOf } from '../client/index.js'
import type { NodePlan } from './plan.js'
import { type Access, ownProcess } from './processes.js'

/** How long one may take to say who it is; a busy node still answers within this. */
const WHO_TIMEOUT_MS = 3_000

export type Found =
  | { readonly kind: 'free' }
  | { readonly kind: 'running'; readonly pid: number }
  /** The node's process is there and does not answer. */
  | { readonly kind: 'silent'; readonly pid: number }
  | { readonly kind: 'taken'; readonly reason: string }

export async function lookAt(plan: NodePlan, access: Access): Promise<Found> {
  const who = await whoAnswers(plan, access)
  if (who.kind === 'ours') return { kind: 'running', pid: who.pid }
  const pid = await ownProcess(plan)
  if (who.kind === 'stranger') {
    if (pid !== undefined && who.silent === true) return { kind: 'silent', pid }
    return { kind: 'taken', reason: `Port ${plan.port} is taken by ${who.reason}.` }
  }
  if (pid !== undefined) return { kind: 'silent', pid }
  for (const [port, what] of [
    [plan.port, ''],
    [plan.busPort, `, the cluster bus of ${plan.port},`],
  ] as const) {
    for (const host of plan.bind) {
      const error = await listenError(host, port)
      if (error === undefined) continue
      if (error === 'EADDRINUSE') {
        return { kind: 'taken', reason: `Port ${port}${what} is taken by another program (on ${host}).` }
      }
      if (error === 'EADDRNOTAVAIL') {
        return { kind: 'taken', reason: `${host} is not an address of this machine.` }
      }
      return { kind: 'taken', reason: `Nobody may listen on port ${port}${what} of ${host}: ${error}.` }
    }
  }
  return { kind: 'free' }
}

type Answer =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'ours'; readonly pid: number }
  | { readonly kind: 'stranger'; readonly reason: string; readonly silent?: boolean }

async function whoAnswers(plan: NodePlan, access: Access): Promise<Answer> {
  const { host, port } = plan
  let connection: Connection | undefined
  let refused = ''
  try {
    const options = { host, port, connectTimeout_ms: WHO_TIMEOUT_MS, replyTimeout_ms: WHO_TIMEOUT_MS }
    connection = await connect({ ...options, ...access }).catch((error: unknown) => {
      // A server without a password says so to whoever gives one.
      if (!(error instanceof ConnectionError) || error.code !== 'REPLY') throw error
      refused = error.message
      return connect(options)
    })
    const [info, config] = await connection.pipeline([['INFO'], ['CONFIG', 'GET', 'dir']])
    const error = errorOf(info!)
    if (error !== undefined) {
      if (/^(NOAUTH|NOPERM|DENIED) /.test(error)) {
        return { kind: 'stranger', reason: `a Redis that asks for another password (${refused || error})` }
      }
      return { kind: 'stranger', reason: `a server that says: ${error}` }
    }
    const fields = infoFields(textOf(info) ?? '')
    const pid = Number(fields.get('process_id'))
    const dir = textOf(itemsOf(config)[1])
    if (dir !== undefined && samePath(dir, plan.folder)) return { kind: 'ours', pid }
    return { kind: 'stranger', reason: describeServer(fields, dir) }
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error
    if (connection === undefined && error.code !== 'TIMEOUT') return { kind: 'nobody' }
    const silent = error.code === 'TIMEOUT'
    return { kind: 'stranger', reason: 'another program, which is not a Redis', silent }
  } finally {
    connection?.close()
  }
}

function describeServer(fields: ReadonlyMap<string, string>, dir: string | undefined): string {
  const version = fields.get('shoal_version') ?? fields.get('valkey_version') ?? fields.get('redis_version')
  if (version === undefined) return 'a server that does not say what it is'
  const name = fields.get('server_name') ?? 'redis'
  const pid = `pid ${fields.get('process_id') ?? '?'}`
  const place = dir === undefined ? pid : `${pid}, data in ${dir}`
  if (fields.get('cluster_enabled') !== '1') return `a ${name} ${version} that is no cluster node (${place})`
  return `a node of another cluster (${name} ${version}, ${place})`
}

/** INFO as a map. */
export function infoFields(text: string): Map<string, string> {
  const fields = new Map<string, string>()
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':')
    if (colon > 0 && !line.startsWith('#')) fields.set(line.slice(0, colon), line.slice(colon + 1))
  }
  return fields
}

function samePath(a: string, b: string): boolean {
  try {
    return realpathSync(a) === realpathSync(b)
  } catch {
    return a === b
  }
}

/** The code of the error with which listening fails, or undefined when it works. */
function listenError(host: string, port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}
