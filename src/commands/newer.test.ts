/** Commands that redis-server 7.0 does not know: what COMMAND INFO of Redis 7.4 and the sources of 8.x and Valkey 9 say of them. */

import { expect, test } from 'vitest'
import { flagNames, legacyRange } from '../server/commands/command.js'
import { KEY_FLAG_NAMES } from './command.js'
import { COMMANDS } from './index.js'
import { CommandTable } from './table.js'

const EXPIRE = [-6, 'write denyoom fast', [1, 1, 1], 'RW update'] as const
const TTL = [-5, 'readonly fast', [1, 1, 1], 'RO access'] as const

/** Arity, flags, first and last key and step, flags of the key. */
const FACTS: Readonly<Record<string, readonly [number, string, readonly number[], string]>> = {
  hexpire: EXPIRE,
  hpexpire: EXPIRE,
  hexpireat: EXPIRE,
  hpexpireat: EXPIRE,
  httl: TTL,
  hpttl: TTL,
  hexpiretime: TTL,
  hpexpiretime: TTL,
  hpersist: [-5, 'write fast', [1, 1, 1], 'RW update'],
  hgetex: [-5, 'write fast', [1, 1, 1], 'RW access update'],
  hsetex: [-6, 'write denyoom fast', [1, 1, 1], 'RW update'],
  hgetdel: [-5, 'write fast', [1, 1, 1], 'RW access delete'],
  digest: [2, 'readonly fast', [1, 1, 1], 'RO access'],
  delex: [-2, 'write fast', [1, 1, 1], 'RW delete'],
  msetex: [-4, 'write denyoom movablekeys', [0, 0, 0], 'OW update'],
  delifeq: [3, 'write', [1, 1, 1], 'RM access delete'],
}

test('arity, flags and keys', () => {
  const { entries } = new CommandTable(COMMANDS)
  for (const [name, [arity, flags, range, keyFlags]] of Object.entries(FACTS)) {
    const entry = entries.find(({ fullName }) => fullName === name)!
    expect(entry.arity, name).toBe(arity)
    expect([...flagNames(entry)].sort(), name).toEqual(flags.split(' ').sort())
    const { first, last, step } = legacyRange(entry.command)
    expect([first, last, step], name).toEqual(range)
    const [spec] = entry.command.keys!
    const shown = KEY_FLAG_NAMES.flatMap(([bit, flag]) => ((spec!.flags & bit) !== 0 ? [flag] : []))
    expect(shown.sort(), name).toEqual(keyFlags.split(' ').sort())
  }
})
