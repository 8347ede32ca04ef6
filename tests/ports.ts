/**
 * Ports for servers that tests start. A port must be free twice: when it is chosen, and when the server listens, a process start later.
 * So it lies below the range from which the system takes the ports of outgoing connections, and its bus port does, too;
 * and a file that only one process can make claims it, so that no other test chooses it meanwhile.
 */

import { closeSync, mkdirSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Bus ports are these plus 10,000; outgoing connections begin at 32,768 on Linux. */
const FIRST_PORT = 10_000
const PORTS = 10_000
const BUS_PORT_OFFSET = 10_000
/** Longer than any test's server takes from the choice of its port until it listens. */
const CLAIM_MS = 120_000
const TRIES_MAX = 1000
const CLAIMS = join(tmpdir(), 'shoal-test-ports')

/** Whether this process is the one that may use the port; for the next two minutes. */
function claim(port: number): boolean {
  const path = join(CLAIMS, String(port))
  mkdirSync(CLAIMS, { recursive: true })
  const age_ms = Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now())
  if (age_ms > CLAIM_MS) rmSync(path, { force: true })
  try {
    const file = openSync(path, 'wx')
    writeSync(file, String(process.pid))
    closeSync(file)
    return true
  } catch {
    return false
  }
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, host, () => server.close(() => resolve(true)))
  })
}

async function take(port: number, bus: boolean, host: string): Promise<boolean> {
  if (!claim(port) || !(await canListen(port, host))) return false
  return !bus || (await canListen(port + BUS_PORT_OFFSET, host))
}

/** Ports on which `host` can be listened to, and likewise each port + 10000 when `bus` is asked for. */
export async function freePorts(count: number, bus = false, host = '127.0.0.1'): Promise<number[]> {
  const ports: number[] = []
  for (let tries = 0; ports.length < count && tries < TRIES_MAX; tries++) {
    const port = FIRST_PORT + Math.floor(Math.random() * PORTS)
    if (await take(port, bus, host)) ports.push(port)
  }
  if (ports.length < count) throw new Error(`no ${count} free ports on ${host}`)
  return ports
}

/** The first of `count` ports in a row which, with their bus ports, can be listened to on all of 127.0.0.0/8. */
export async function freeRange(count: number): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const first = FIRST_PORT + Math.floor(Math.random() * (PORTS - count))
    let taken = 0
    while (taken < count && (await take(first + taken, true, '0.0.0.0'))) taken++
    if (taken === count) return first
  }
  throw new Error(`no ${count} free ports in a row`)
}
