/** The folder of a cluster: what stands in it, what is written into it, and whose turn it is to change it. */

import { lookup } from 'node:dns/promises'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { replaceFile } from '../runtime/replace-file.js'
import { type EngineWorld, findEngine } from './engines.js'
import { decodeManifest, encodeManifest, MANIFEST_FILE, type Manifest } from './manifest.js'
import { CONF_FILE, confMovedTo, type Engine, type NodePlan, planNodes } from './plan.js'
import { isAlive } from './processes.js'
import { passwordOf, type Topology } from './topology.js'

export type Outcome<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly reason: string }

const LOCK_FILE = '.shoal-up.pid'

/** What shoal.json says, undefined where there is none. */
export function readManifest(dir: string): Outcome<Manifest | undefined> {
  const path = join(dir, MANIFEST_FILE)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return { ok: true, value: undefined }
    return { ok: false, reason: `${path} cannot be read: ${code}.` }
  }
  const read = decodeManifest(text)
  return read.ok ? read : { ok: false, reason: `${path} cannot be used: ${read.reason}.` }
}

export function writeManifest(dir: string, manifest: Manifest): void {
  const path = join(dir, MANIFEST_FILE)
  const secret = passwordOf(manifest.topology) !== undefined
  replaceFile(path, `${path}.new`, encodeManifest(manifest), secret ? 0o600 : 0o644)
}

/** The hosts as IP addresses. */
export async function addressesOf(hosts: readonly string[]): Promise<Outcome<string[]>> {
  const value: string[] = []
  for (const host of hosts) {
    const found =
      isIP(host) > 0
        ? host
        : await lookup(host, { family: 4 }).then(
            (answer) => answer.address,
            () => undefined,
          )
    if (found === undefined) return { ok: false, reason: `The host ${host} is not known.` }
    value.push(found)
  }
  return { ok: true, value }
}

/** The nodes of a topology, with addresses and programs found. */
export async function plansOf(
  topology: Topology,
  dir: string,
  world: EngineWorld,
): Promise<Outcome<NodePlan[]>> {
  const hosts = await addressesOf(topology.hosts)
  if (!hosts.ok) return hosts
  const engines: Engine[] = []
  for (const name of topology.engines) {
    const engine = findEngine(name, world)
    if (!engine.ok) return engine
    engines.push(engine.value)
  }
  return { ok: true, value: planNodes(topology, dir, hosts.value, engines) }
}

/** Why a new cluster cannot be put into `dir`, or undefined when it can. */
export function occupied(dir: string, plans: readonly NodePlan[]): string | undefined {
  if (existsSync(dir) && !isDirectory(dir)) return `${dir} is a file.`
  const foreign = plans.find(({ folder }) => existsSync(folder) && readdirOrFile(folder).length > 0)
  if (foreign === undefined) return undefined
  return (
    `${foreign.folder} exists already and was not made by shoal up. ` +
    'Choose another folder with --dir, or other ports with --port.'
  )
}

/** Makes the node's folder and its redis.conf, where they are missing. */
export function writeNode(plan: NodePlan, secret: boolean): void {
  mkdirSync(plan.folder, { recursive: true })
  const path = join(plan.folder, CONF_FILE)
  if (!existsSync(path)) {
    writeFileSync(path, plan.conf, { mode: secret ? 0o600 : 0o644 })
    return
  }
  const before = readFileSync(path, 'utf8')
  const after = confMovedTo(before, plan.folder)
  if (after !== before) writeFileSync(path, after)
}

/** Removes the nodes' folders, shoal.json, and `dir` itself where nothing else is in it. */
export function removeCluster(dir: string, folders: readonly string[]): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 })
  rmSync(join(dir, MANIFEST_FILE), { force: true })
  removeIfEmpty(dir)
}

export function removeIfEmpty(dir: string): void {
  try {
    rmdirSync(dir)
  } catch {
    // Something else is in it, or it is gone.
  }
}

/** One at a time may change a cluster. Gives the function that lets the next one in. */
export function lock(dir: string): Outcome<() => void> {
  const path = join(dir, LOCK_FILE)
  for (let tries = 0; ; tries++) {
    try {
      writeFileSync(path, `${process.pid}\n`, { flag: 'wx' })
      return { ok: true, value: () => rmSync(path, { force: true }) }
    } catch (error) {
      if (codeOf(error) !== 'EEXIST')
        return { ok: false, reason: `${dir} cannot be written to: ${codeOf(error)}.` }
    }
    const pid = pidIn(path)
    if (tries > 2 || (pid !== undefined && pid !== process.pid && isAlive(pid))) {
      return {
        ok: false,
        reason: `Another shoal (pid ${pid ?? '?'}) is at work in ${dir}. If that is not so, remove ${path}.`,
      }
    }
    rmSync(path, { force: true })
  }
}

function pidIn(path: string): number | undefined {
  try {
    return Number(readFileSync(path, 'utf8')) || undefined
  } catch {
    return undefined
  }
}

function isDirectory(path: string): boolean {
  return readdirOrUndefined(path) !== undefined
}

function readdirOrFile(path: string): string[] {
  return readdirOrUndefined(path) ?? ['']
}

function readdirOrUndefined(path: string): string[] | undefined {
  try {
    return readdirSync(path)
  } catch {
    return undefined
  }
}

export function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? error.message : String(error)
}
