/** A Shoal node in this process, on a free port of loopback, with a client whose replies are plain values. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Connection, connect, type Reply, textOf } from '../../src/client/index.js'
import { fileWorld, loadConfig } from '../../src/server/config/files.js'
import type { ServerNode } from '../../src/server/node.js'
import { startNode } from '../../src/server/start.js'
import { freePorts } from '../ports.js'

export type Plain = string | number | bigint | boolean | null | Plain[]

function plain(reply: Reply): Plain {
  if ('items' in reply)
    return reply.items.map((item) => (item.kind === 'error' ? (textOf(item) ?? '') : plain(item)))
  if (reply.kind === 'error') throw new Error(textOf(reply))
  if (reply.kind === 'nil') return null
  if (reply.kind === 'integer' || reply.kind === 'bool' || reply.kind === 'double') return reply.value
  return textOf(reply) ?? ''
}

export class Caller {
  readonly connection: Connection

  constructor(connection: Connection) {
    this.connection = connection
  }

  /** The reply as a plain value; an error reply throws. */
  async call(...args: (string | Uint8Array)[]): Promise<Plain> {
    return plain(await this.connection.call(...args))
  }
}

export class RunningNode extends Caller {
  readonly port: string
  readonly node: ServerNode
  readonly log: string[]
  private readonly end: () => Promise<void>

  constructor(
    connection: Connection,
    port: number,
    node: ServerNode,
    log: string[],
    end: () => Promise<void>,
  ) {
    super(connection)
    this.port = String(port)
    this.node = node
    this.log = log
    this.end = end
  }

  /** Another client of the same node. */
  async another(): Promise<Caller> {
    return new Caller(await connect({ host: '127.0.0.1', port: Number(this.port) }))
  }

  async stop(): Promise<void> {
    this.connection.close()
    await this.end()
  }
}

/** A port that is free, its bus port too. */
export async function freePort(): Promise<number> {
  return (await freePorts(1, true))[0]!
}

/** Starts a node with options of the command line (`'--appendonly', 'yes'`); nothing is saved unless they say so. */
export async function open(...options: string[]): Promise<RunningNode> {
  const bind = options.lastIndexOf('--bind')
  const host = bind < 0 ? '127.0.0.1' : options[bind + 1]!
  const dir = mkdtempSync(join(tmpdir(), 'shoal-node-'))
  const port = await freePort()
  const args = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', dir, ...options]
  const start = loadConfig(args, fileWorld(dir), () => new Uint8Array(0))
  if (!start.ok || start.instead !== undefined) throw new Error(JSON.stringify(start))
  const log: string[] = []
  const running = await startNode({ config: start.config, log: (_level, message) => log.push(message) })
  const connection = await connect({ host, port })
  return new RunningNode(connection, port, running.node, log, async () => {
    await running.stop()
    rmSync(dir, { recursive: true, force: true })
  })
}
