/**
 * What has to happen to the files of an append-only file, and in which order, so that a crash between any two
 * steps leaves something that loads. Pure: given a manifest, out come steps, carried out by whoever owns the
 * disk, top to bottom; if one fails, the rest is left and the old manifest stays in force.
 */

import {
  type Manifest,
  manifestOfOldFile,
  withNewBase,
  withNewIncr,
  withoutHistory,
  withRewrittenIncrs,
} from './manifest.js'
import { incrName, tempIncrName } from './naming.js'

/** Names are relative to the append-only directory, but for `adopt`, whose source lies beside it. */
export type AofStep =
  | { do: 'makeDirectory' }
  /** Write the whole data as a new base. */
  | { do: 'writeBase'; name: string }
  | { do: 'open'; name: string; truncate: boolean }
  | { do: 'rename'; from: string; to: string }
  /** Move the old-style file from the data directory into the append-only directory. */
  | { do: 'adopt'; name: string }
  /** Write the manifest to a temporary name, sync, rename, sync the directory: from here on it is in force. */
  | { do: 'persist'; manifest: Manifest }
  | { do: 'delete'; names: string[] }

export interface AofPlan {
  steps: AofStep[]
  /** The manifest when all steps are done. */
  manifest: Manifest
}

export interface OldFileFacts {
  /** An `appendfilename` file stands in the data directory. */
  besideDirectory: boolean
  directory: boolean
  /** The same name exists inside of the append-only directory. */
  inDirectory: boolean
}

/** Whether a file of a version before 7.0 must be taken over before loading. */
export function mustAdopt(manifest: Manifest, appendFileName: string, facts: OldFileFacts): boolean {
  if (!facts.besideDirectory) return false
  if (!facts.directory || (manifest.base === undefined && manifest.incr.length === 0)) return true
  const halfDone = manifest.base?.name === appendFileName && manifest.incr.length === 0
  return halfDone && !facts.inDirectory
}

/** Takes over a file of a version before 7.0 as the base. A crash halfway is continued at the next start. */
export function planAdoption(appendFileName: string): AofPlan {
  const manifest = manifestOfOldFile(appendFileName)
  return {
    steps: [{ do: 'makeDirectory' }, { do: 'persist', manifest }, { do: 'adopt', name: appendFileName }],
    manifest,
  }
}

/**
 * After loading, before the first write: a base for an empty start, and an increment to append to. `fileName`
 * is the increment.
 */
export function planStart(
  manifest: Manifest,
  appendFileName: string,
  rdb: boolean,
): AofPlan & { name: string } {
  const steps: AofStep[] = [{ do: 'makeDirectory' }]
  let next = manifest
  if (next.base === undefined && next.incr.length === 0) {
    const base = withNewBase(next, appendFileName, rdb)
    next = base.manifest
    steps.push({ do: 'writeBase', name: base.name })
  }
  let name = next.incr.at(-1)?.name
  if (name === undefined) {
    const incr = withNewIncr(next, appendFileName)
    next = incr.manifest
    name = incr.name
  }
  steps.push({ do: 'open', name, truncate: false })
  if (next !== manifest) steps.push({ do: 'persist', manifest: next })
  return { steps, manifest: next, name }
}

/**
 * A rewrite begins: from the moment of the snapshot on, writes go to a new increment. While append-only mode is
 * only being switched on (`waiting`), that is a temporary one which no manifest names yet.
 */
export function planRewriteStart(
  manifest: Manifest,
  appendFileName: string,
  waiting: boolean,
): AofPlan & { name: string } {
  if (waiting) {
    const name = tempIncrName(appendFileName)
    return { steps: [{ do: 'makeDirectory' }, { do: 'open', name, truncate: true }], manifest, name }
  }
  const { manifest: next, name } = withNewIncr(manifest, appendFileName)
  const steps: AofStep[] = [
    { do: 'makeDirectory' },
    { do: 'open', name, truncate: true },
    { do: 'persist', manifest: next },
  ]
  return { steps, manifest: next, name }
}

/** A rewrite has written the base as `temp`: it takes its place, and what it replaces becomes history. */
export function planRewriteEnd(
  manifest: Manifest,
  appendFileName: string,
  temp: string,
  options: { rdb: boolean; waiting: boolean; enabled: boolean },
): AofPlan & { base: string; incr: string | undefined } {
  const base = withNewBase(manifest, appendFileName, options.rdb)
  const steps: AofStep[] = [{ do: 'rename', from: temp, to: base.name }]
  let next = base.manifest
  let incr: string | undefined
  if (options.waiting) {
    incr = incrName(appendFileName, next.incrSeq + 1)
    steps.push({ do: 'rename', from: tempIncrName(appendFileName), to: incr })
    next = withNewIncr(next, appendFileName).manifest
  }
  next = withRewrittenIncrs(next, options.enabled || options.waiting ? 1 : 0)
  steps.push({ do: 'persist', manifest: next })
  return { steps, manifest: next, base: base.name, incr }
}

/** History is deleted, and then forgotten: the other way round a crash would leave files that nobody knows. */
export function planCleaning(manifest: Manifest): AofPlan {
  if (manifest.history.length === 0) return { steps: [], manifest }
  const next = withoutHistory(manifest)
  const names = manifest.history.map((file) => file.name)
  return {
    steps: [
      { do: 'delete', names },
      { do: 'persist', manifest: next },
    ],
    manifest: next,
  }
}
