/**
 * shoal.json: what stands in a folder, so that `up`, `down` and `status` need no options the next time. Pure.
 */

import { complete, impossible, type Topology } from './topology.js'

export const MANIFEST_FILE = 'shoal.json'
const VERSION = 1

export interface Manifest {
  readonly topology: Topology
  /** The nodes have been made one cluster. Until then they hold nothing that anybody relies on. */
  readonly formed: boolean
}

export function encodeManifest({ topology, formed }: Manifest): string {
  return `${JSON.stringify({ shoal: VERSION, ...topology, formed }, null, 2)}\n`
}

/** Reads shoal.json; the reason says what is wrong with it. */
export function decodeManifest(
  text: string,
): { readonly ok: true; readonly value: Manifest } | { readonly ok: false; readonly reason: string } {
  let read: unknown
  try {
    read = JSON.parse(text)
  } catch {
    return { ok: false, reason: 'it is not JSON' }
  }
  if (typeof read !== 'object' || read === null) return { ok: false, reason: 'it is not an object' }
  const fields = new Map(Object.entries(read))
  if (fields.get('shoal') !== VERSION) {
    return { ok: false, reason: `it is of version ${String(fields.get('shoal'))}, not ${VERSION}` }
  }
  const number = (name: string) => {
    const value = fields.get(name)
    return typeof value === 'number' ? value : Number.NaN
  }
  const texts = (name: string): string[] => {
    const value: unknown = fields.get(name)
    return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
  }
  const topology = complete({
    nodes: number('nodes'),
    replicas: number('replicas'),
    port: number('port'),
    hosts: texts('hosts'),
    engines: texts('engines'),
    config: texts('config'),
  })
  const reason = impossible(topology)
  if (reason !== undefined) return { ok: false, reason }
  return { ok: true, value: { topology, formed: fields.get('formed') === true } }
}
