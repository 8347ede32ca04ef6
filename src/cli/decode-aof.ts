/**
 * `shoal decode-aof`: an append-only file as text, one line a command. Given a manifest, or a directory with one, all
 * files that it names, in order. Exit code 1 when something cannot be read to its end.
 */

import { readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Command } from 'commander'
import { AofFileReader } from '../persistence/aof/file.js'
import { filesToLoad, type Manifest, readManifest } from '../persistence/aof/manifest.js'
import { aofLines, aofProblemLine, manifestLines } from '../persistence/aof/render.js'
import { rdbLines } from '../persistence/rdb/render.js'
import type { Io } from './cli/io.js'
import { LinePrinter, readPieces } from './decode/pieces.js'
import { complain, type Subcommand } from './shoal/subcommand.js'

export const subcommand: Subcommand = {
  summary: 'show what is in an append-only file',
  define(command: Command, io: Io, finish: (code: number) => void) {
    command
      .argument('<path>', 'a file, a manifest, or a directory with a manifest (appendonlydir)')
      .action(async (path: string) => finish(await run(path, io)))
  },
}

async function run(path: string, io: Io): Promise<number> {
  const out = new LinePrinter(io)
  try {
    const manifest = await findManifest(path)
    if (manifest === undefined) return await show(path, path, out)
    const reading = readManifest(await readFile(manifest))
    if (!reading.ok) {
      complain(io, `${manifest}, line ${reading.line}: ${reading.error}`)
      return 1
    }
    return await showAll(dirname(manifest), reading.manifest, out)
  } catch (error) {
    complain(io, `Cannot read ${path}: ${(error as Error).message}`)
    return 1
  }
}

/** The manifest that `path` is or contains; undefined for any other file. */
async function findManifest(path: string): Promise<string | undefined> {
  if (path.endsWith('.manifest')) return path
  if (!(await stat(path)).isDirectory()) return undefined
  const names = await readdir(path)
  const found = names.find((name) => name.endsWith('.manifest') && !name.startsWith('temp-'))
  if (found === undefined) throw new Error('there is no manifest in this directory')
  return join(path, found)
}

async function showAll(directory: string, manifest: Manifest, out: LinePrinter): Promise<number> {
  for (const line of manifestLines(manifest)) out.print(line)
  let code = 0
  for (const { name } of filesToLoad(manifest)) {
    out.print('')
    out.print(`${name}:`)
    code = Math.max(code, await show(join(directory, name), name, out))
  }
  return code
}

async function show(path: string, name: string, out: LinePrinter): Promise<number> {
  const print = (line: string) => out.print(line)
  const reader = new AofFileReader(aofLines(print), rdbLines(print), name, { checksum: true })
  await readPieces(path, async (buf, count) => {
    const more = reader.feed(buf, 0, count)
    await out.caughtUp()
    return more
  })
  const problem = reader.end()
  if (problem !== undefined) out.print(aofProblemLine(problem))
  await out.caughtUp()
  return problem === undefined ? 0 : 1
}
