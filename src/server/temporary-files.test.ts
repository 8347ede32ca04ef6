/** What was written under a temporary name and could not be put in its place does not stay. */

import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { open, type RunningNode } from '../../tests/support/node.js'

const running: RunningNode[] = []

afterEach(async () => {
  for (const node of running.splice(0)) await node.stop()
})

async function start(...options: string[]): Promise<{ node: RunningNode; dir: string }> {
  const node = await open(...options)
  running.push(node)
  return { node, dir: node.node.config.values.dir }
}

const temporary = (dir: string) => readdirSync(dir).filter((name) => /te?mp/.test(name))
const PATIENCE = { timeout: 20_000, interval: 20 }

test('ACL SAVE', async () => {
  const { node, dir } = await start('--aclfile', '')
  node.node.config.values.aclfile = 'users.acl'
  expect(await node.call('ACL', 'SAVE')).toBe('OK')
  rmSync(join(dir, 'users.acl'))
  mkdirSync(join(dir, 'users.acl', 'in the way'), { recursive: true })
  await expect(node.call('ACL', 'SAVE')).rejects.toThrow('There was an error trying to save the ACLs')
  expect(temporary(dir)).toEqual([])
})

test('SAVE and BGSAVE', async () => {
  const { node, dir } = await start()
  mkdirSync(join(dir, 'dump.rdb', 'in the way'), { recursive: true })
  await expect(node.call('SAVE')).rejects.toThrow()
  expect(temporary(dir)).toEqual([])
  await node.call('BGSAVE')
  await vi.waitFor(
    async () => expect(await node.call('INFO', 'persistence')).toContain('rdb_last_bgsave_status:err'),
    PATIENCE,
  )
  await vi.waitUntil(() => temporary(dir).length === 0, PATIENCE)
})

test('a snapshot is put where its node lived when it began', async () => {
  const { node, dir } = await start('--enable-protected-configs', 'yes', '--rdb-key-save-delay', '1000000')
  for (let i = 0; i < 100; i++) await node.call('SET', `key:${i}`, 'v')
  await node.call('BGSAVE')
  await node.call('CONFIG', 'SET', 'dbfilename', 'other.rdb')
  await node.call('CONFIG', 'SET', 'rdb-key-save-delay', '0')
  await vi.waitFor(
    async () => expect(await node.call('INFO', 'persistence')).toContain('rdb_bgsave_in_progress:0'),
    PATIENCE,
  )
  expect(readdirSync(dir)).toEqual(['dump.rdb'])
})

test('users stand in the order of the bytes of their names', async () => {
  const { node } = await start()
  for (const name of ['\u{1f600}', '\uff5e', 'z', 'Z']) await node.call('ACL', 'SETUSER', name)
  expect(await node.call('ACL', 'USERS')).toEqual(['Z', 'default', 'z', '\uff5e', '\u{1f600}'])
})
