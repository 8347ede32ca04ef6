import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Writable } from 'node:stream'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { draw, type EditorHelp, LineEditor, newEditing, press, splitKeys, widthOf } from './editor.js'
import { helpOf, hintsOfDocs } from './help.js'
import { HISTORY_LINES_MAX, History } from './history.js'
import { fromWord, quote, splitArgs } from './text.js'

const noHelp: EditorHelp = {
  history: { lines: ['first', 'second'] },
  complete: () => [],
  hint: () => undefined,
}

/** Types keys; gives the line with | at the cursor. */
function typed(keys: string, help = noHelp): string {
  const state = newEditing(help.history)
  for (const key of splitKeys(keys).keys) press(state, key, help)
  return [...state.text.slice(0, state.cursor), '|', ...state.text.slice(state.cursor)].join('')
}

test('keys edit as in Emacs', () => {
  expect(typed('get key')).toBe('get key|')
  expect(typed('get key\x01\x06\x06')).toBe('ge|t key')
  expect(typed('get key\x02\x02\x0b')).toBe('get k|')
  expect(typed('get key\x17')).toBe('get |')
  expect(typed('get key  \x17')).toBe('get |')
  expect(typed('get key\x15')).toBe('|')
  expect(typed('gte\x02\x14')).toBe('get|')
  expect(typed('get\x1b[D\x1b[D\x1b[3~')).toBe('g|t')
  expect(typed('中文\x7f')).toBe('中|')
  expect(typed('ab\x1b[H\x7fx\x1b[F!')).toBe('xab!|')
})

test('history goes back and forth, and keeps what was being typed', () => {
  expect(typed('dra\x1b[A')).toBe('second|')
  expect(typed('dra\x1b[A\x1b[A\x1b[A')).toBe('first|')
  expect(typed('dra\x10\x10\x0e\x0e')).toBe('dra|')
})

test('Tab goes through the completions and back to what was typed', () => {
  const help = helpOf(
    ['GET', 'GETDEL', 'SET'].map((name) => ({
      name,
      summary: '',
      syntax: 'key',
      arguments: undefined,
      since: '1',
      group: 'string',
    })),
  )
  const all = { ...noHelp, complete: (line: string) => help.complete(line) }
  expect(typed('ge\t', all)).toBe('GET|')
  expect(typed('ge\t\t', all)).toBe('GETDEL|')
  expect(typed('ge\t\t\t', all)).toBe('ge|')
  expect(typed('ge\t\x1b', all)).toBe('ge|')
  expect(typed('ge\t k', all)).toBe('GET k|')
  expect(help.complete('help @')).toEqual(['help @string'])
  expect(help.complete('xyz')).toEqual([])
})

test('any keys leave a line with the cursor in it', () => {
  const key = fc.constantFrom(
    'a',
    '中',
    '\t',
    '\x01',
    '\x02',
    '\x06',
    '\x7f',
    '\x17',
    '\x14',
    '\x0b',
    '\x10',
    '\x0e',
    '\x1b[3~',
    '\x1b',
  )
  const help = { ...noHelp, complete: (line: string) => [`${line}x`, 'y'] }
  fc.assert(
    fc.property(fc.array(key, { maxLength: 40 }), (keys) => {
      const state = newEditing(help.history)
      for (const one of keys) press(state, one, help)
      expect(state.cursor).toBeGreaterThanOrEqual(0)
      expect(state.cursor).toBeLessThanOrEqual(state.text.length)
    }),
  )
})

test('what is drawn fits the terminal: rows, wide characters, a cut hint', () => {
  expect(['a', '中', 'é', '\u0301', '😀'].map(widthOf)).toEqual([1, 2, 1, 0, 2])
  const state = newEditing(noHelp.history)
  for (const key of splitKeys('set 中').keys) press(state, key, noHelp)
  expect(draw('> ', state, ' value [NX]', 12, 0)).toEqual({
    text: '\r\x1b[J> set 中\x1b[0;90;49m va\x1b[0m\r\x1b[8C',
    row: 0,
  })
  for (const key of splitKeys(' 12345678').keys) press(state, key, noHelp)
  const two = draw('> ', state, '', 12, 0)
  expect([two.row, two.text.endsWith('\r\x1b[5C')]).toEqual([1, true])
  press(state, '\x01', noHelp)
  expect(draw('> ', state, '', 12, two.row)).toEqual({
    text: '\x1b[1A\r\x1b[J> set 中 12345678\x1b[1A\r\x1b[2C',
    row: 0,
  })
})

test('an editor reads lines that were typed ahead, and ends with Ctrl-D', async () => {
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => {} })
  const shown: string[] = []
  const stdout = new Writable({
    write(chunk: Uint8Array, _encoding, done) {
      shown.push(chunk.toString())
      done()
    },
  })
  const editor = new LineEditor(
    { stdin, stdout, stderr: stdout, env: {}, onInterrupt: () => () => {} },
    noHelp,
  )
  stdin.write('one\rtwo \xe4\r\x04')
  expect(await editor.read('> ')).toBe('one')
  expect(await editor.read('> ')).toBe(fromWord('two ä'))
  expect(await editor.read('> ')).toBeUndefined()
  expect(shown.join('')).toContain('> one')
  const secret = new LineEditor(
    { stdin, stdout, stderr: stdout, env: {}, onInterrupt: () => () => {} },
    noHelp,
    true,
  )
  shown.length = 0
  stdin.write('pass\r')
  expect(await secret.read('Password: ')).toBe('pass')
  expect(shown.join('')).toContain('Password: ****')
  expect(shown.join('')).not.toContain('pass')
})

test('history stays in a file of the user’s own, bounded, without repetitions', () => {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-history-'))
  try {
    const file = join(folder, 'h')
    const first = new History(file)
    for (const line of ['a', 'a', 'b']) first.add(line)
    expect(readFileSync(file, 'utf8')).toBe('a\nb\n')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(new History(file).lines).toEqual(['a', 'b'])
    writeFileSync(file, Array.from({ length: 3 * HISTORY_LINES_MAX }, (_, i) => `${i}\n`).join(''))
    expect(new History(file).lines.length).toBe(HISTORY_LINES_MAX)
    expect(readFileSync(file, 'utf8').split('\n').length).toBe(HISTORY_LINES_MAX + 1)
    new History(join(folder, 'none', 'h')).add('x') // cannot be written: no error
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('hints say what is still to come', () => {
  const bulk = (text: string) => ({ kind: 'bulk' as const, bytes: Buffer.from(text) })
  const array = (...items: Parameters<typeof hintsOfDocs>[0][]) => ({ kind: 'array' as const, items })
  const argument = (name: string, type: string, ...flags: string[]) =>
    array(bulk('name'), bulk(name), bulk('type'), bulk(type), bulk('flags'), array(...flags.map(bulk)))
  const ttl = array(
    ...[bulk('name'), bulk('ttl'), bulk('type'), bulk('oneof'), bulk('flags'), array(bulk('optional'))],
    bulk('arguments'),
    array(
      array(bulk('name'), bulk('seconds'), bulk('type'), bulk('integer'), bulk('token'), bulk('EX')),
      array(bulk('name'), bulk('keep'), bulk('type'), bulk('pure-token'), bulk('token'), bulk('KEEPTTL')),
    ),
  )
  const docs = array(
    bulk('set'),
    array(
      bulk('summary'),
      bulk('Sets.'),
      bulk('group'),
      bulk('string'),
      bulk('arguments'),
      array(argument('key', 'key'), argument('value', 'string'), ttl),
    ),
    bulk('config'),
    array(
      bulk('subcommands'),
      array(bulk('config|get'), array(bulk('arguments'), array(argument('parameter', 'string', 'multiple')))),
    ),
  )
  const help = helpOf(hintsOfDocs(docs))
  expect(help.hints.map((hint) => `${hint.name}: ${hint.syntax}`)).toEqual([
    'CONFIG: ',
    'CONFIG GET: parameter [parameter ...]',
    'SET: key value [EX seconds|KEEPTTL]',
  ])
  expect(help.hint('set')).toBe(' key value [EX seconds|KEEPTTL]')
  expect(help.hint('set ')).toBe('key value [EX seconds|KEEPTTL]')
  expect(help.hint('set k ')).toBe('value [EX seconds|KEEPTTL]')
  expect(help.hint('set k v EX 1')).toBe(' seconds')
  expect(help.hint('config get')).toBe(' parameter [parameter ...]')
  expect(help.hint('nothing')).toBeUndefined()
  expect(help.hint('set "open')).toBeUndefined()
})

test('what is quoted is read back', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 12 }), { maxLength: 5 }), (words) => {
      const texts = words.map((word) => Buffer.from(word).toString('latin1'))
      expect(splitArgs(texts.map(quote).join(' '))).toEqual(texts)
    }),
  )
  fc.assert(fc.property(fc.string(), (line) => void splitArgs(line)))
})
