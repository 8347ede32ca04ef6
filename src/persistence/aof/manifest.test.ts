import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EMPTY_MANIFEST, filesToLoad, type Manifest, readManifest, writeManifest } from './manifest.js'
import { mustAdopt, planAdoption, planCleaning, planRewriteEnd, planRewriteStart, planStart } from './plan.js'

const NAME = 'appendonly.aof'
const text = (manifest: Manifest) => Buffer.from(writeManifest(manifest)).toString('latin1')
const errorOf = (source: string) => {
  const reading = readManifest(Buffer.from(source, 'latin1'))
  return reading.ok ? undefined : `${reading.line}: ${reading.error}`
}
const read = (source: string): Manifest => {
  const reading = readManifest(Buffer.from(source, 'latin1'))
  if (!reading.ok) throw new Error(reading.error)
  return reading.manifest
}

test('a manifest as Redis writes it', () => {
  const source =
    'file appendonly.aof.2.base.rdb seq 2 type b\n' +
    'file appendonly.aof.1.incr.aof seq 1 type h\n' +
    'file appendonly.aof.4.incr.aof seq 4 type i\n' +
    'file appendonly.aof.5.incr.aof seq 5 type i\n'
  const manifest = read(source)
  expect(manifest.base).toEqual({ name: 'appendonly.aof.2.base.rdb', seq: 2, type: 'base' })
  expect([manifest.baseSeq, manifest.incrSeq]).toEqual([2, 5])
  expect(filesToLoad(manifest).map((file) => file.seq)).toEqual([2, 4, 5])
  expect(text(manifest)).toBe(source)
})

test('comments, other pairs, other order, quotes', () => {
  const manifest = read(
    '# a comment\ntype i seq 3 file "with space\\x21.aof" startoffset 10\n  FILE \'b c\' Seq 1 Type base \r\n',
  )
  expect(manifest.incr).toEqual([{ name: 'with space!.aof', seq: 3, type: 'incr' }])
  expect(manifest.base?.name).toBe('b c')
})

test('errors in the words of Redis', () => {
  expect(errorOf('')).toBe('0: Found an empty AOF manifest')
  expect(errorOf('file a seq 1 type b')).toBe('1: The AOF manifest file contains too long line')
  expect(errorOf(`file ${'a'.repeat(1020)} seq 1 type b\n`)).toBe(
    '1: The AOF manifest file contains too long line',
  )
  expect(errorOf('\n')).toBe('1: Invalid AOF manifest file format')
  expect(errorOf('file a seq 1\n')).toBe('1: Invalid AOF manifest file format')
  expect(errorOf('file a seq 1 type b x\n')).toBe('1: Invalid AOF manifest file format')
  expect(errorOf('file a seq 0 type b\n')).toBe('1: Invalid AOF manifest file format')
  expect(errorOf('file "a seq 1 type b\n')).toBe('1: Invalid AOF manifest file format')
  expect(errorOf('file ../a seq 1 type b\n')).toBe("1: File can't be a path, just a filename")
  expect(errorOf('file a seq 1 type b\nfile b seq 2 type b\n')).toBe(
    '2: Found duplicate base file information',
  )
  expect(errorOf('file a seq 2 type i\nfile b seq 2 type i\n')).toBe(
    '2: Found a non-monotonic sequence number',
  )
  expect(errorOf('file a seq 2 type x\n')).toBe('1: Unknown AOF file type')
})

test('any names come back', () => {
  const name = fc
    .uint8Array({ minLength: 1, maxLength: 20 })
    .map((bytes) => Buffer.from(bytes).toString('latin1'))
  fc.assert(
    fc.property(fc.array(name, { maxLength: 5 }), (names) => {
      const plain = names.map((one) => one.replace(/[/\\]/g, '_'))
      const incr = plain.map((one, i) => ({ name: one, seq: i + 1, type: 'incr' as const }))
      const manifest: Manifest = { ...EMPTY_MANIFEST, incr, incrSeq: incr.length }
      if (incr.length > 0) expect(read(text(manifest))).toEqual(manifest)
    }),
  )
})

test('any bytes give a manifest or an error', () => {
  const piece = fc.constantFrom(
    'file ',
    'seq ',
    'type ',
    'a',
    '1 ',
    'b',
    'i',
    ' ',
    '\n',
    '"',
    "'",
    '\\',
    '\\x',
    '#',
    '\0',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.array(piece).map((p) => p.join('')),
        fc.string({ unit: 'binary' }),
      ),
      (source) => {
        const reading = readManifest(Buffer.from(source, 'latin1'))
        if (!reading.ok) expect(reading.error).not.toBe('')
        else
          expect(readManifest(writeManifest(reading.manifest)).ok || text(reading.manifest) === '').toBe(true)
      },
    ),
    { numRuns: 400 },
  )
})

/** Steps as text, one a line. */
const told = (plan: { steps: { do: string }[] }) =>
  plan.steps.map((step) => {
    const { do: what, ...rest } = step as { do: string; manifest?: Manifest }
    const facts =
      rest.manifest === undefined ? JSON.stringify(rest) : text(rest.manifest).trim().split('\n').join(' | ')
    return `${what} ${facts}`
  })

test('from an empty start through two rewrites', () => {
  const start = planStart(EMPTY_MANIFEST, NAME, true)
  expect(told(start)).toEqual([
    'makeDirectory {}',
    'writeBase {"name":"appendonly.aof.1.base.rdb"}',
    'open {"name":"appendonly.aof.1.incr.aof","truncate":false}',
    'persist file appendonly.aof.1.base.rdb seq 1 type b | file appendonly.aof.1.incr.aof seq 1 type i',
  ])
  const again = planStart(start.manifest, NAME, true)
  expect(told(again)).toEqual([
    'makeDirectory {}',
    'open {"name":"appendonly.aof.1.incr.aof","truncate":false}',
  ])
  const begun = planRewriteStart(start.manifest, NAME, false)
  expect(told(begun).slice(1)).toEqual([
    'open {"name":"appendonly.aof.2.incr.aof","truncate":true}',
    'persist file appendonly.aof.1.base.rdb seq 1 type b | file appendonly.aof.1.incr.aof seq 1 type i | file appendonly.aof.2.incr.aof seq 2 type i',
  ])
  const ended = planRewriteEnd(begun.manifest, NAME, 'temp', { rdb: true, waiting: false, enabled: true })
  expect(told(ended)).toEqual([
    'rename {"from":"temp","to":"appendonly.aof.2.base.rdb"}',
    'persist file appendonly.aof.2.base.rdb seq 2 type b | file appendonly.aof.1.incr.aof seq 1 type h | file appendonly.aof.1.base.rdb seq 1 type h | file appendonly.aof.2.incr.aof seq 2 type i',
  ])
  const cleaned = planCleaning(ended.manifest)
  expect(told(cleaned)).toEqual([
    'delete {"names":["appendonly.aof.1.incr.aof","appendonly.aof.1.base.rdb"]}',
    'persist file appendonly.aof.2.base.rdb seq 2 type b | file appendonly.aof.2.incr.aof seq 2 type i',
  ])
  expect(planCleaning(cleaned.manifest).steps).toEqual([])
})

test('a rewrite that failed leaves its increment; the next one takes both', () => {
  let { manifest } = planStart(EMPTY_MANIFEST, NAME, true)
  manifest = planRewriteStart(manifest, NAME, false).manifest
  manifest = planRewriteStart(manifest, NAME, false).manifest
  const ended = planRewriteEnd(manifest, NAME, 'temp', { rdb: false, waiting: false, enabled: true })
  expect(ended.base).toBe('appendonly.aof.2.base.aof')
  expect(ended.manifest.incr.map((file) => file.seq)).toEqual([3])
  expect(ended.manifest.history.map((file) => file.seq)).toEqual([1, 2, 1].sort((a, b) => b - a))
})

test('switching on: the temporary increment gets its name with the base', () => {
  const begun = planRewriteStart(EMPTY_MANIFEST, NAME, true)
  expect(begun.name).toBe('temp-appendonly.aof.incr')
  expect(begun.manifest).toBe(EMPTY_MANIFEST)
  const ended = planRewriteEnd(begun.manifest, NAME, 'temp', { rdb: true, waiting: true, enabled: true })
  expect(told(ended)).toEqual([
    'rename {"from":"temp","to":"appendonly.aof.1.base.rdb"}',
    'rename {"from":"temp-appendonly.aof.incr","to":"appendonly.aof.1.incr.aof"}',
    'persist file appendonly.aof.1.base.rdb seq 1 type b | file appendonly.aof.1.incr.aof seq 1 type i',
  ])
})

test('an old single file is taken over, also when that was interrupted', () => {
  const plan = planAdoption(NAME)
  expect(told(plan)).toEqual([
    'makeDirectory {}',
    'persist file appendonly.aof seq 1 type b',
    'adopt {"name":"appendonly.aof"}',
  ])
  const facts = { besideDirectory: true, directory: true, inDirectory: false }
  expect(mustAdopt(EMPTY_MANIFEST, NAME, { ...facts, directory: false })).toBe(true)
  expect(mustAdopt(EMPTY_MANIFEST, NAME, facts)).toBe(true)
  expect(mustAdopt(plan.manifest, NAME, facts)).toBe(true)
  expect(mustAdopt(plan.manifest, NAME, { ...facts, inDirectory: true })).toBe(false)
  expect(mustAdopt(planStart(EMPTY_MANIFEST, NAME, true).manifest, NAME, facts)).toBe(false)
  expect(mustAdopt(EMPTY_MANIFEST, NAME, { ...facts, besideDirectory: false })).toBe(false)
})
