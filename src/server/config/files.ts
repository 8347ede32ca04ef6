/**
 * The one file here that knows a disk: reads configuration files, expands the patterns of include lines,
 * checks directories and log files. Everything else in this folder is told by a {@link World}.
 */

import {
  accessSync,
  closeSync,
  constants,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  statSync,
} from 'node:fs'
import { resolve } from 'node:path'
import { getSystemErrorMap } from 'node:util'
import { globMatch } from '../../bytes/glob.js'
import { type CommandLine, readCommandLine } from './argv.js'
import { type ParseResult, readConfig, type World } from './parse.js'
import { bytesOf, compareTexts, trimOf, uncappedTextOf } from './text.js'

const ERRNO_TEXTS: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'No such file or directory'],
  ['EACCES', 'Permission denied'],
  ['ENOTDIR', 'Not a directory'],
  ['EISDIR', 'Is a directory'],
  ['EROFS', 'Read-only file system'],
  ['ENOSPC', 'No space left on device'],
  ['ELOOP', 'Too many levels of symbolic links'],
  ['ENAMETOOLONG', 'File name too long'],
  ['EMFILE', 'Too many open files'],
  ['EPERM', 'Operation not permitted'],
])

/** An error of the operating system in the words of C's strerror. */
export function errorText(error: unknown): string {
  const { code, errno } = error as NodeJS.ErrnoException
  const known = code === undefined ? undefined : ERRNO_TEXTS.get(code)
  if (known !== undefined) return known
  return (errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]) ?? String(error)
}

function tryTo<T>(action: () => T): { value: T } | { reason: string } {
  try {
    return { value: action() }
  } catch (error) {
    return { reason: errorText(error) }
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined
}

/** Matches that a pattern may have at most; a pattern of ten stars over a whole disk is a mistake. */
const MATCHES_MAX = 10_000

/**
 * Paths that a shell pattern names, sorted: `*`, `?` and `[…]` within one name, hidden files only by a
 * pattern that itself begins with a dot. Relative patterns give relative paths.
 */
export function globPaths(pattern: string, from: string): string[] {
  let found = pattern.startsWith('/') ? ['/'] : ['']
  const parts = pattern.split('/').filter((part) => part !== '')
  for (const part of parts) {
    const glob = bytesOf(part)
    const next: string[] = []
    for (const base of found) {
      const listed = /[*?[]/.test(part) ? tryTo(() => readdirSync(resolve(from, base))) : { value: [part] }
      for (const name of 'value' in listed ? listed.value : []) {
        const bytes = bytesOf(name)
        const hidden = name.startsWith('.') && !part.startsWith('.')
        const fits = name === part || (!hidden && globMatch(glob, 0, glob.length, bytes, 0, bytes.length))
        const path = base === '' || base.endsWith('/') ? base + name : `${base}/${name}`
        if (fits && exists(resolve(from, path)) && next.length < MATCHES_MAX) next.push(path)
      }
    }
    found = next
  }
  return found.filter((path) => path !== '').sort(compareTexts)
}

/** The world of a process: its files, seen from `directory` (absolute). */
export function fileWorld(directory: string): World {
  return {
    directory,
    readFile(path, from) {
      const read = tryTo(() => uncappedTextOf(readFileSync(resolve(from, path))))
      // A directory can be opened and then holds no line: no error in Redis either.
      if ('reason' in read) return read.reason === 'Is a directory' ? { text: '' } : read
      return { text: read.value }
    },
    glob: globPaths,
    changeDirectory(from, to) {
      const path = resolve(from, to)
      if (to === '') return { reason: 'No such file or directory' }
      const reached = tryTo(() => {
        const real = realpathSync(path)
        if (!statSync(real).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' })
        accessSync(real, constants.X_OK)
        return real
      })
      return 'reason' in reached ? reached : { path: reached.value }
    },
    tryLogFile(path, from) {
      const opened = tryTo(() => closeSync(openSync(resolve(from, path), 'a')))
      return 'reason' in opened ? opened.reason : undefined
    },
  }
}

/** Redis's absolute path of a configuration file: joined with the directory, leading ../ taken off. */
export function absolutePath(path: string, directory: string): string {
  const trimmed = trimOf(path, ' \r\n\t')
  return trimmed.startsWith('/') ? trimmed : resolve(directory, trimmed)
}

export type Start =
  | { readonly ok: true; readonly instead: NonNullable<CommandLine['instead']> }
  | {
      readonly ok: true
      readonly instead?: undefined
      readonly config: ConfigOf
      readonly usedDefaults: boolean
    }
  | Extract<ParseResult, { ok: false }>

type ConfigOf = Extract<ParseResult, { ok: true }>['config']

/**
 * The configuration of a process from what was typed behind its name. `readStdin` is called only for a
 * `-` on the command line.
 */
export function loadConfig(args: readonly string[], world: World, readStdin: () => Uint8Array): Start {
  const line = readCommandLine(args)
  if (line.instead !== undefined) return { ok: true, instead: line.instead }
  const file = line.file === undefined ? undefined : absolutePath(line.file, world.directory)
  const stdin = line.stdin ? uncappedTextOf(readStdin()) : undefined
  const result = readConfig({ file, stdin, options: line.options }, world)
  if (!result.ok) return result
  result.config.file = file
  return { ok: true, config: result.config, usedDefaults: args.length === 0 }
}
