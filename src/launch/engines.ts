/** Finds the servers that nodes can run on. */

import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, extname, isAbsolute, join, resolve } from 'node:path'
import type { Engine } from './plan.js'

export interface EngineWorld {
  /** Shoal's own server: a JavaScript file, run by `node`. */
  readonly shoalServer: string
  readonly node: string
  /** The PATH. */
  readonly path: string
  readonly cwd: string
}

/** The engine of that name: `shoal`, a program on the PATH, or a path. The reason says what was looked for. */
export function findEngine(
  name: string,
  world: EngineWorld,
): { readonly ok: true; readonly value: Engine } | { readonly ok: false; readonly reason: string } {
  if (name === 'shoal') {
    if (!isFile(world.shoalServer)) {
      return { ok: false, reason: `The engine shoal is not built: there is no ${world.shoalServer}.` }
    }
    return { ok: true, value: { name, program: world.node, args: [world.shoalServer] } }
  }
  if (/[/\\]/.test(name)) {
    const path = isAbsolute(name) ? name : resolve(world.cwd, name)
    if (!isFile(path)) return { ok: false, reason: `The engine ${name} is not there.` }
    if (['.js', '.mjs', '.cjs'].includes(extname(path))) {
      return { ok: true, value: { name, program: world.node, args: [path] } }
    }
    if (!isExecutable(path)) return { ok: false, reason: `The engine ${name} cannot be executed.` }
    return { ok: true, value: { name, program: path, args: [] } }
  }
  for (const folder of world.path.split(delimiter)) {
    const path = join(folder === '' ? '.' : folder, name)
    if (isFile(path) && isExecutable(path))
      return { ok: true, value: { name, program: resolve(world.cwd, path), args: [] } }
  }
  return {
    ok: false,
    reason:
      `The engine ${name} is not on the PATH. Install it, give its path (--engine /usr/local/bin/${name}), ` +
      'or use --engine shoal.',
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
