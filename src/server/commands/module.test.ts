/** MODULE, and what COMMAND GETKEYS says of commands on shard channels: replies of redis-server 7.2.4. */

import { afterAll, beforeAll, expect, test } from 'vitest'
import { open, type RunningNode } from '../../../tests/support/node.js'
import type { Part } from '../../../tests/support/runner.js'
import { Wire } from '../../../tests/support/wire.js'

let closed: RunningNode
let allowed: RunningNode
const wires: Wire[] = []

beforeAll(async () => {
  closed = await open()
  allowed = await open('--enable-module-command', 'yes')
  for (const { port } of [closed, allowed]) wires.push(await Wire.open(Number(port)))
})
afterAll(async () => {
  for (const wire of wires) wire.close()
  await closed.stop()
  await allowed.stop()
})

const say = async (wire: number, ...line: Part[]) => await wires[wire]!.run(...line)

test('MODULE lists nothing, and says why nothing can be loaded', async () => {
  for (const wire of [0, 1]) {
    expect(await say(wire, 'MODULE', 'LIST')).toBe('*0\r\n')
    expect(await say(wire, 'MODULE', 'LIST', 'x')).toMatch(
      /^-ERR wrong number of arguments for 'module\|list'/,
    )
    expect(await say(wire, 'MODULE', 'X')).toBe("-ERR unknown subcommand 'X'. Try MODULE HELP.\r\n")
    expect(await say(wire, 'MODULE', 'HELP')).toMatch(/^\*11\r\n\+MODULE <subcommand> /)
  }
  for (const line of [
    ['LOAD', '/x'],
    ['LOADEX', '/x', 'CONFIG', 'a', 'b'],
    ['UNLOAD', 'x'],
  ]) {
    expect(await say(0, 'MODULE', ...line)).toMatch(
      /^-ERR MODULE command not allowed\. If the enable-module-command /,
    )
  }
  expect(await say(1, 'MODULE', 'LOAD', '/x')).toBe(
    '-ERR Error loading the extension. Please check the server logs.\r\n',
  )
  expect(await say(1, 'MODULE', 'UNLOAD', 'x')).toBe(
    '-ERR Error unloading module: no such module with that name\r\n',
  )
})

test('shard channels are no keys', async () => {
  for (const line of [
    ['SPUBLISH', 'ch', 'm'],
    ['SSUBSCRIBE', 'ch'],
    ['SUNSUBSCRIBE', 'ch'],
  ]) {
    for (const name of ['GETKEYS', 'GETKEYSANDFLAGS']) {
      expect(await say(0, 'COMMAND', name, ...line)).toBe('-ERR The command has no key arguments\r\n')
    }
  }
  expect(await say(0, 'COMMAND', 'GETKEYS', 'GET', 'k')).toBe('*1\r\n$1\r\nk\r\n')
})

test('XINFO STREAM counts the nodes of a radix tree', async () => {
  const nodes = async (more: Part[] = []) =>
    /radix-tree-nodes\r\n:(\d+)/.exec(await say(0, 'XINFO', 'STREAM', 's', ...more))![1]
  await say(0, 'XGROUP', 'CREATE', 's', 'g', '$', 'MKSTREAM')
  expect(await nodes()).toBe('1')
  await say(0, 'XADD', 's', '1-1', 'a', 'b')
  expect(await nodes()).toBe('2')
  expect(await nodes(['FULL'])).toBe('2')
  await say(0, 'CONFIG', 'SET', 'stream-node-max-entries', 1)
  for (const id of ['1-2', '1-300', '256-0', '1099511627776-0', '1099511627776-1']) {
    await say(0, 'XADD', 's', id, 'a', 'b')
  }
  expect(await nodes()).toBe('17')
})
