/** The programs that `shoal` also is: each does its own work as soon as it is loaded. */

import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Program {
  readonly bin: string
  readonly summary: string
  load(): Promise<unknown>
}

export const PROGRAMS: Readonly<Record<string, Program>> = {
  server: {
    bin: 'shoal-server',
    summary: 'one node, as redis-server (also shoal-server)',
    load: () => import('../shoal-server.main.js'),
  },
  cli: {
    bin: 'shoal-cli',
    summary: 'the client, as redis-cli (also shoal-cli)',
    load: () => import('../shoal-cli.main.js'),
  },
  trib: {
    bin: 'shoal-trib',
    summary: 'the cluster manager, as redis-trib.rb (also shoal-trib)',
    load: () => import('../shoal-trib.main.js'),
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
