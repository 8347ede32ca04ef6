/** The programs that `shoal` also is. */

import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Program {
  readonly bin: string
  readonly summary: string
}

export const PROGRAMS: Readonly<Record<string, Program>> = {
  server: {
    bin: 'shoal-server',
    summary: 'one node, as redis-server (also shoal-server)',
  },
  cli: {
    bin: 'shoal-cli',
    summary: 'the client, as redis-cli (also shoal-cli)',
  },
  trib: {
    bin: 'shoal-trib',
    summary: 'the cluster manager, as redis-trib.rb (also shoal-trib)',
  },
}

/** The package's folder, from wherever this code was bundled into. */
export function packageFolder(): string {
  let folder = dirname(fileURLToPath(import.meta.url))
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder)
  return folder
}

/** The file that starts the program of that name. */
export function programPath(name: string): string {
  return join(packageFolder(), 'bin', `${name}.js`)
}

/** Runs another program in this process: its bundle lies beside this one, and starts as soon as it is loaded. */
export function load(program: Program): void {
  const run = createRequire(import.meta.url)(join(packageFolder(), 'bin', 'load.js')) as (
    name: string,
  ) => void
  run(program.bin)
}
