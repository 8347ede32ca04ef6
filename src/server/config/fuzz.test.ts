/** Any text is a configuration or an error, told in finite time; never an exception. */

import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readCommandLine } from './argv.js'
import { configGet } from './get.js'
import { describeError, parseConfig, readConfig, type World } from './parse.js'
import { configRewrite } from './rewrite.js'
import { configSet } from './set.js'
import { ALIASES, DIRECTIVE_NAMES, FILE_ONLY } from './table.js'
import { quoted } from './text.js'

/** Files `a` to `d` include each other as they like. */
function worldOf(files: readonly string[]): World {
  return {
    directory: '/home',
    readFile: (path) => {
      const text = files['abcd'.indexOf(path.slice(-1))]
      return text === undefined ? { reason: 'No such file or directory' } : { text }
    },
    glob: (pattern) => (pattern === '*' ? ['a', 'b', 'c', 'd'] : []),
    changeDirectory: (_from, to) =>
      to === '' ? { reason: 'No such file or directory' } : { path: `/${to.replace(/^[/]+/, '')}` },
    tryLogFile: (path) => (path.includes('/') ? 'No such file or directory' : undefined),
    hasCommand: (name) => name.length === 3,
  }
}

const name = fc.constantFrom(...DIRECTIVE_NAMES, ...ALIASES.keys(), ...FILE_ONLY)
const value = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.string({ maxLength: 12 }).map(quoted),
  fc.constantFrom('yes', 'no', '1', '60 1', '-1', '99gb', '5%', 'a', 'b', '*', 'normal 1 1 1', '"', "'"),
  fc.bigInt().map(String),
)
const line = fc.oneof(
  fc.tuple(name, value).map((words) => words.join(' ')),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom('', '#', 'include a', 'include b', 'include c', 'include *'),
)
const file = fc.array(line, { maxLength: 6 }).map((lines) => lines.join('\n'))

test('any files: a configuration, or an error with a reason', () => {
  fc.assert(
    fc.property(fc.array(file, { minLength: 4, maxLength: 4 }), (files) => {
      const world = worldOf(files)
      const result = readConfig({ file: 'a' }, world)
      if (!result.ok) {
        expect(result.error.reason).not.toBe('')
        expect(JSON.stringify(describeError(result.error))).toContain(
          result.error.kind === 'file' ? 'Fatal' : 'FATAL',
        )
        return
      }
      // What was read can be shown, written and read again, and is then the same.
      const rewritten = configRewrite(result.config, files[0]!)
      expect(configGet(result.config, ['*']).length).toBeGreaterThan(190)
      expect(typeof rewritten).toBe('string')
    }),
    { numRuns: 2000 },
  )
})

test('what CONFIG SET accepted, CONFIG REWRITE writes and the parser reads back', () => {
  const world = worldOf([])
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 12 }), (pairs) => {
      const start = parseConfig('', world)
      if (!start.ok) throw new Error('an empty text is a configuration')
      const { config } = start
      for (const pair of pairs) {
        configSet(config, [pair], {
          loading: false,
          mayProtected: true,
          changeDirectory: world.changeDirectory,
          warn: () => {},
        })
      }
      // The one directive that can be written in a way that it cannot be read: addresses with odd
      // characters in them stand bare in the line, as Redis writes them.
      if (config.values.bind.some((address) => /[\s"'\\\p{C}]|^$/u.test(address))) return
      const back = parseConfig(configRewrite(config, '# mine\nport 1\nsave 1 1\n'), world)
      if (!back.ok) throw new Error(JSON.stringify(back.error))
      expect(configGet(back.config, ['*'])).toEqual(configGet(config, ['*']))
    }),
    { numRuns: 1000 },
  )
})

test('files that include each other end in an error', () => {
  const loop = parseConfig('include a', worldOf(['include a']))
  expect(loop.ok).toBe(false)
  // 2 to the 60th files, if nobody counted them.
  const deep: World = {
    ...worldOf([]),
    readFile: (path) => ({ text: path.length > 60 ? '' : `include ${path}x\ninclude ${path}x` }),
  }
  const tree = parseConfig('include x', deep)
  expect(tree).toEqual({ ok: false, error: { kind: 'whole', reason: 'Too many included files' } })
})

test('any command line', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          value,
          name.map((n) => `--${n}`),
          fc.constantFrom('-', '--', '--save', '--sentinel', 'a'),
        ),
      ),
      (args) => {
        const { options } = readCommandLine(args)
        const result = readConfig({ options }, worldOf([]))
        expect(result.ok || result.error.reason !== '').toBe(true)
      },
    ),
  )
})
