/**
 * Where a node listens: every address of `bind` (one with a leading dash may be missing), `port`, and `unixsocket`.
 * Protected mode lets only the machine itself in while neither a password nor an address was set.
 */

import { chmodSync, rmSync } from 'node:fs'
import type net from 'node:net'
import { resolve } from 'node:path'
import { diskErrorText } from '../runtime/disk.js'
import type { LinkEvents } from '../runtime/net.js'
import { type Link, listen } from '../runtime/net.js'
import type { ServerNode } from './node.js'

/** Kinds of addresses that this machine does not know are passed over. */
const NO_SUCH_PROTOCOL = new Set([
  'EAFNOSUPPORT',
  'EPROTONOSUPPORT',
  'ENOPROTOOPT',
  'ESOCKTNOSUPPORT',
  'EPFNOSUPPORT',
])

/** How often the log says that connections cannot be taken in. */
const ACCEPT_FAILED_AGAIN_MS = 1000

/** The sockets that the configuration asks for cannot be had; the log says which. */
export class ListenError extends Error {}

const PROTECTED =
  '-DENIED Redis is running in protected mode because protected mode is enabled and no password is set for the ' +
  'default user. In this mode connections are only accepted from the loopback interface. If you want to connect ' +
  'from external computers to Redis you may adopt one of the following solutions: 1) Just disable protected mode ' +
  "sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to Redis from the " +
  'same host the server is running, however MAKE SURE Redis is not publicly accessible from internet if you do so. ' +
  'Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable the protected mode by ' +
  "editing the Redis configuration file, and setting the protected mode option to 'no', and then restarting the " +
  "server. 3) If you started the server manually just for testing, restart it with the '--protected-mode no' " +
  'option. 4) Set up an authentication password for the default user. NOTE: You only need to do one of the above ' +
  'things in order for the server to start accepting connections from the outside.\r\n'

/** One address of `bind`, as the system wants it. */
export function bindTarget(address: string): { host: string; ipv6Only: boolean; optional: boolean } {
  const optional = address.startsWith('-')
  const bare = optional ? address.slice(1) : address
  if (bare === '*') return { host: '0.0.0.0', ipv6Only: false, optional }
  if (bare === '::*') return { host: '::', ipv6Only: true, optional }
  return { host: bare, ipv6Only: bare.includes(':'), optional }
}

/**
 * Opens all of the node's sockets for clients. Rejects with a ListenError where a needed one cannot be had. The
 * list it returns is kept true when CONFIG SET changes `port` or `bind`.
 */
export async function listenForClients(node: ServerNode): Promise<net.Server[]> {
  let tcp: net.Server[]
  try {
    tcp = await listenTcp(node)
  } catch {
    throw new ListenError(`Failed listening on port ${node.config.values.port} (tcp), aborting.`)
  }
  let unix: net.Server[]
  try {
    unix = await listenUnix(node)
  } catch (error) {
    for (const server of tcp) server.close()
    const code = (error as NodeJS.ErrnoException).code ?? ''
    node.log('warning', `Failed opening Unix socket: ${reason(code, error)}`)
    throw new ListenError('Failed listening on port 0 (unix), aborting.')
  }
  const servers = [...tcp, ...unix]
  const { config } = node
  if (servers.length === 0) throw new ListenError('Configured to not listen anywhere, exiting.')
  const move = async (failure: string): Promise<string | undefined> => {
    for (const server of tcp) server.close()
    tcp.length = 0
    try {
      tcp.push(...(await listenTcp(node)))
    } catch {
      return failure
    } finally {
      servers.splice(0, servers.length, ...tcp, ...unix)
    }
    return undefined
  }
  config.onChange('port', () => move('Unable to listen on this port. Check server logs.'))
  config.onChange('bind', () => move('Failed to bind to specified addresses.'))
  return servers
}

async function listenTcp(node: ServerNode): Promise<net.Server[]> {
  const values = node.config.values
  const servers: net.Server[] = []
  if (values.port === 0) return servers
  const common = {
    backlog: values['tcp-backlog'],
    keepAlive_s: () => values['tcp-keepalive'],
    port: values.port,
    failed: acceptFailed(node),
  }
  const accept = (make: (events: LinkEvents) => Link, socket: net.Socket) =>
    whenOpen(node, socket, () => acceptTcp(node, make, socket))
  for (const address of values.bind) {
    const { host, ipv6Only, optional } = bindTarget(address)
    try {
      servers.push(await listen({ ...common, host, ipv6Only }, node.readBuffer, accept))
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? ''
      const shown = optional ? address.slice(1) : address
      node.log(
        'warning',
        `Warning: Could not create server TCP listening socket ${shown}:${values.port}: ${reason(code, error)}`,
      )
      if ((optional && code === 'EADDRNOTAVAIL') || NO_SUCH_PROTOCOL.has(code)) continue
      for (const server of servers) server.close()
      throw error
    }
  }
  return servers
}

async function listenUnix(node: ServerNode): Promise<net.Server[]> {
  const values = node.config.values
  if (values.unixsocket === '') return []
  const path = resolve(values.dir, values.unixsocket)
  rmSync(path, { force: true })
  const options = { path, backlog: values['tcp-backlog'], failed: acceptFailed(node) }
  const server = await listen(options, node.readBuffer, (make, socket) =>
    whenOpen(node, socket, () => node.clients.accept(make, (client) => node.newClient(client))),
  )
  if (values.unixsocketperm > 0) chmodSync(path, values.unixsocketperm)
  return [server]
}

/** A connection could not be taken in: too many open files, most likely. The next may do better. */
function acceptFailed(node: ServerNode): (error: Error) => void {
  let told_ms = Number.NEGATIVE_INFINITY
  return (error) => {
    // The system tells again and again as long as connections wait.
    const now_ms = node.clock.now_ms()
    if (now_ms - told_ms < ACCEPT_FAILED_AGAIN_MS) return
    told_ms = now_ms
    node.log('warning', `Accepting client connection: accept: ${diskErrorText(error)}`)
  }
}

function reason(code: string, error: unknown): string {
  if (code === 'EADDRINUSE') return 'bind: Address already in use'
  if (code === 'EADDRNOTAVAIL') return 'bind: Cannot assign requested address'
  if (code === 'EACCES') return 'bind: Permission denied'
  if (code === 'ENOENT') return 'bind: No such file or directory'
  return `bind: ${(error as Error).message}`
}

/** Takes in a connection now, or, while the node is still being put together, as soon as it is not. */
function whenOpen(node: ServerNode, socket: net.Socket, take: () => void): void {
  if (node.early === null) take()
  else
    node.early.push(() => {
      if (!socket.destroyed) take()
    })
}

function acceptTcp(node: ServerNode, make: (events: LinkEvents) => Link, socket: net.Socket): void {
  const remote = socket.remoteAddress ?? ''
  const local = remote.startsWith('127.') || remote === '::1' || remote.startsWith('::ffff:127.')
  if (!local && node.config.values['protected-mode'] && node.openToAll()) {
    node.stats.rejectedConnections++
    socket.on('error', () => {})
    socket.end(PROTECTED, () => socket.destroy())
    return
  }
  node.clients.accept(make, (client) => node.newClient(client))
}
