/** The plain parts of the measurement of hostile input, and its connection, against a node in this process. */

import { afterEach, expect, test } from 'vitest'
import { Attacker } from '../bench/attacker.js'
import { INPUTS, peakBytes, shown, within } from '../bench/robustness.js'
import { open, type RunningNode } from './support/node.js'

let node: RunningNode | undefined

afterEach(async () => {
  await node?.stop()
  node = undefined
})

test('a reply is shown on one line, and not too long a one', () => {
  expect(shown('')).toBe('no reply')
  expect(shown('*2\r\n:1\r\n:2\r\n')).toBe('*2 :1 :2')
  expect(shown(`-ERR ${'x'.repeat(1000)}\r\n`)).toMatch(/^-ERR x{55}…$/)
})

test('the peak is read from the status of a process', () => {
  expect(peakBytes('Name:\tnode\nVmHWM:\t  123456 kB\nVmRSS:\t 1 kB\n')).toBe(123456 * 1024)
  expect(peakBytes('Name:\tkthreadd\n')).toBeUndefined()
})

test('what does not end is given up', async () => {
  expect(await within(Promise.resolve('done'), 60_000, 'late')).toBe('done')
  expect(await within(new Promise<string>(() => {}), 1, 'late')).toBe('late')
})

test('an attacker counts what comes back and keeps its ends', async () => {
  node = await open()
  const attacker = await Attacker.open(Number(node.port))
  await attacker.send('*2\r\n$4\r\nECHO\r\n$20000\r\n')
  await attacker.sendFill(20_000)
  await attacker.ask('')
  await attacker.until(() => attacker.heard === 20_010)
  expect(attacker.head.startsWith('$20000\r\nxxx')).toBe(true)
  expect(attacker.tail.endsWith('xxx\r\n')).toBe(true)
  expect(await attacker.ask('QUIT')).toBe('+OK\r\n')
  await attacker.until(() => false)
  expect(attacker.closed).toBe(true)
})

test.each(INPUTS.filter(({ options, name }) => options !== undefined || name.startsWith('integers')))(
  '$name',
  async ({ options, prepare, play }) => {
    node = await open(...(options ?? []))
    await prepare?.(Number(node.port))
    expect(await play(Number(node.port))).toMatch(/^answered$|^0 bytes, closed$|^an integer, |^\*1 /)
    expect(await node.call('PING')).toBe('PONG')
  },
)
