/**
 * What the compiler cannot see. Below the line nothing reads a clock or draws a random number, and nothing is `any`; no
 * module keeps state that two nodes would share; files and functions that are too long may only become fewer.
 */

import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { expect, test } from 'vitest'

const ROOT = join(import.meta.dirname, '..')
const PURE = ['bytes', 'resp', 'keyspace', 'persistence', 'replication', 'cluster', 'commands', 'sim']
const FILE_LINES_MAX = 600
const FUNCTION_LINES_MAX = 70

/** Longer than they should be, when this was last looked at: take one off when you have made it shorter, add none. */
const LONG_FILES: readonly string[] = []
const LONG_FUNCTIONS: readonly string[] = []

function sources(folder: string): { path: string; text: string }[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const path = join(ROOT, folder, name)
      return { path: relative(ROOT, path), text: readFileSync(path, 'utf8') }
    })
}

const all = sources('src')
const programs = all.filter(({ path }) => !path.endsWith('.test.ts'))
const pure = programs.filter(({ path }) => PURE.includes(path.split('/')[1]!))

/** The code without comments and without the content of strings. */
function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, (comment) => comment.replace(/[^\n]/g, ''))
}

test('below the line there is no clock, no chance and no any', () => {
  const found: string[] = []
  for (const { path, text } of pure) {
    for (const word of [
      /\bDate\.now\b/,
      /\bnew Date\(\)/,
      /\bMath\.random\b/,
      /\bperformance\.now\b/,
      /: any\b|<any>|as any\b/,
    ]) {
      if (word.test(code(text))) found.push(`${path}: ${word.source}`)
    }
  }
  expect(found).toEqual([])
})

test('no module has state of its own', () => {
  const found = programs
    .filter(({ text }) => /^(export )?(let|var) /m.test(code(text)))
    .map(({ path }) => path)
  expect(found).toEqual([])
})

/**
 * Where bytes become a string without a cap (bytes/text-limits.ts says why there must be one): texts of the node's own, none of them
 * a client's. What makes one more has to name its cap, or be listed here with the reason.
 */
const UNCAPPED: Readonly<Record<string, string>> = {
  'src/bytes/ascii.ts': 'the conversions themselves',
  'src/server/config/text.ts': 'the conversions themselves',
  'src/server/config/files.ts': 'files and standard input that the operator names',
  'src/server/admin/config-file.ts': 'the configuration file',
  'src/server/admin/index.ts': 'the ACL file',
  'src/server/admin/acl/users.ts': 'a hash of a password',
  'src/server/admin/digest.ts': 'a digest of 20 bytes, and IDs of streams',
  'src/server/oom-score.ts': 'a file of the system',
  'src/runtime/clock.ts': 'random bytes as hexadecimal digits',
  'src/runtime/descriptors.ts': 'a file of the system',
  'src/keyspace/collections/stream-id.ts': 'an ID, of 41 characters at most',
  'src/persistence/text.ts': 'cuts by itself',
  'src/persistence/aof/manifest.ts': 'one escaped byte',
  'src/cluster/decode.ts': 'packets, decoded for people',
  'src/cluster/nodes-conf.ts': 'nodes.conf',
  'src/cluster/wire-decode.ts': 'fields of packets, of fixed size',
  'src/resp/request.ts': 'one byte',
  'src/server/cluster/nodes-file.ts': 'the lock file',
}

test('bytes become text only with a cap', () => {
  const UNCAPPED_WAYS = [
    /\buncappedText(Of)?\b/,
    /\bTextDecoder\b/,
    /\bfrom(CharCode|CodePoint)\(/,
    /['"](latin1|utf-?8|binary|ascii|hex)['"]/,
    /\.(latin1|utf8|ascii)Slice\(/,
    /\.text\(\)/,
  ]
  const rooms = [
    'bytes',
    'resp',
    'keyspace',
    'commands',
    'persistence',
    'replication',
    'cluster',
    'runtime',
    'server',
  ]
  const found = programs
    .filter(({ path }) => rooms.includes(path.split('/')[1]!))
    .filter(({ text }) => UNCAPPED_WAYS.some((way) => way.test(code(text))))
    .map(({ path }) => path)
  expect(found.filter((path) => UNCAPPED[path] === undefined)).toEqual([])
  expect(Object.keys(UNCAPPED).filter((path) => !found.includes(path))).toEqual([])
})

test('a file opens with what it is', () => {
  const silent = programs
    .filter(({ path, text }) => !/^(#!.*\n)?\/\*\*|^\/\//.test(text) && !path.endsWith('.d.ts'))
    .map(({ path }) => path)
  expect(silent).toEqual([])
})

test('files over 600 lines only become fewer', () => {
  const long = all.filter(({ text }) => text.split('\n').length > FILE_LINES_MAX).map(({ path }) => path)
  expect(long.filter((path) => !LONG_FILES.includes(path))).toEqual([])
  expect(LONG_FILES.filter((path) => !long.includes(path))).toEqual([])
})

/** Functions by name with their lengths, found by indentation, which the formatter guarantees. */
function functions(text: string): { name: string; lines: number }[] {
  const found: { name: string; lines: number }[] = []
  const lines = text.split('\n')
  for (let i = 0; i < lines.length; i++) {
    const head =
      /^(\s*)(?:export )?(?:default )?(?:async )?function\*? ?(\w+)/.exec(lines[i]!) ??
      /^( {2})(?:private |public |protected |static |override |async |get |set |\*)*(\w+)\(.*\{$/.exec(
        lines[i]!,
      )
    if (head === null || /^(if|for|while|switch|catch)$/.test(head[2]!)) continue
    const end = lines.findIndex((line, j) => j > i && line.startsWith(`${head[1]}}`))
    if (end > i) found.push({ name: head[2]!, lines: end - i + 1 })
  }
  return found
}

test('functions over 70 lines only become fewer', () => {
  const long = programs.flatMap(({ path, text }) =>
    functions(text)
      .filter(({ lines }) => lines > FUNCTION_LINES_MAX)
      .map(({ name }) => `${path} ${name}`),
  )
  expect(long.filter((name) => !LONG_FUNCTIONS.includes(name))).toEqual([])
  expect(LONG_FUNCTIONS.filter((name) => !long.includes(name))).toEqual([])
})

test('the project speaks of itself alone', () => {
  // The names are put together here so that this file does not contain them.
  const words = [
    ['/work', '/main'],
    ['/work', '/ext'],
    ['/work', '/shared'],
    ['help', 'er session'],
  ].map((w) => w.join(''))
  const found = [...all, ...sources('tests')].filter(({ text }) => words.some((word) => text.includes(word)))
  expect(found.map(({ path }) => path)).toEqual([])
})
