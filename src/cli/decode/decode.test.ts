import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inProcess } from '../../../tests/io.js'
import { runShoal } from '../shoal/run.js'

const fixture = (name: string) =>
  fileURLToPath(new URL(`../../persistence/fixtures/${name}`, import.meta.url))

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'shoal-decode-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))

test('decode-rdb', async () => {
  const ran = await inProcess(runShoal, ['decode-rdb', fixture('redis-7.0.15-all-types.rdb')])
  expect(ran.code).toBe(0)
  expect(ran.stdout).toContain('rdb version 10\n')
  expect(ran.stdout).toContain('  "exp" string "v" expires 4102444800123\n')
  expect(ran.stdout.endsWith('end, checksum read\n')).toBe(true)
  writeFileSync(join(dir, 'torn.rdb'), 'REDIS0009\x00')
  const torn = await inProcess(runShoal, ['decode-rdb', join(dir, 'torn.rdb')])
  expect([torn.code, torn.stdout]).toEqual([
    1,
    'rdb version 9\n' +
      'error at offset 9: Short read or OOM loading DB. Unrecoverable error, aborting now. ' +
      '(Unexpected EOF reading RDB file)\n',
  ])
  expect((await inProcess(runShoal, ['decode-rdb', join(dir, 'none')])).code).toBe(1)
})

test('decode-aof, of a file and of a directory', async () => {
  const commands = '#TS:1700000000\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$2\r\n\x00"\r\n'
  writeFileSync(join(dir, 'a.1.incr.aof'), `${commands}*1\r\n$`, 'latin1')
  writeFileSync(join(dir, 'a.1.base.aof'), commands, 'latin1')
  writeFileSync(join(dir, 'a.manifest'), 'file a.1.base.aof seq 1 type b\nfile a.1.incr.aof seq 1 type i\n')
  const one = await inProcess(runShoal, ['decode-aof', join(dir, 'a.1.base.aof')])
  const lines = '# written at 1700000000 (2023-11-14T22:13:20.000Z)\n"SET" "a" "\\x00\\""\n'
  expect([one.code, one.stdout]).toEqual([0, lines])
  const all = await inProcess(runShoal, ['decode-aof', dir])
  expect(all.code).toBe(1)
  expect(all.stdout).toContain(`base    1 a.1.base.aof\nincr    1 a.1.incr.aof\n\na.1.base.aof:\n${lines}`)
  expect(all.stdout).toContain(`error at offset ${commands.length}: Unexpected end of file`)
})

test('decode-bus', async () => {
  const packet = fileURLToPath(new URL('../../cluster/fixtures/auth-request.bin', import.meta.url))
  const ran = await inProcess(runShoal, ['decode-bus', packet])
  expect(ran.code).toBe(0)
  expect(ran.stdout).toMatch(/^auth-req from [0-9a-f]{40}\n {2}address/i)
  writeFileSync(join(dir, 'noise.bin'), 'this is no packet of the bus at all')
  const noise = await inProcess(runShoal, ['decode-bus', join(dir, 'noise.bin')])
  expect(noise.code).toBe(1)
  expect((await inProcess(runShoal, ['decode-bus', join(dir, 'none')])).code).toBe(1)
})
