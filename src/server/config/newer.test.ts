/** Files that were written for later versions: they start a node, and the log says what becomes of their directives. */

import { expect, test } from 'vitest'
import { open, type RunningNode } from '../../../tests/support/node.js'
import { configGet } from './get.js'
import { IDLE_NAMES, idleNotice, NEWER, NEWER_ALIASES } from './newer.js'
import { parseConfig, type World } from './parse.js'
import { configRewrite } from './rewrite.js'
import { statusOf } from './status.js'
import { type DirectiveName, findDirective } from './table.js'

const world: World = {
  directory: '/',
  readFile: () => ({ reason: 'No such file or directory' }),
  glob: () => [],
  changeDirectory: (_from, path) => ({ path }),
  tryLogFile: () => undefined,
}

function read(text: string) {
  const result = parseConfig(text, world)
  if (!result.ok) throw new Error(JSON.stringify(result.error))
  return result.config
}

async function withNode(options: string[], use: (node: RunningNode) => Promise<void>): Promise<void> {
  const node = await open(...options)
  try {
    await use(node)
  } finally {
    await node.stop()
  }
}

test('every directive that changes nothing has a reason, and no other', () => {
  const noticed = Object.keys(NEWER).filter((name) => idleNotice(name) !== undefined)
  expect(noticed.sort()).toEqual([...IDLE_NAMES].sort())
  for (const name of IDLE_NAMES) expect(statusOf(name as DirectiveName)).toBe('accepted')
  for (const name of NEWER_ALIASES.values()) expect(findDirective(name)).toBe(name)
})

test('a file of a later version is read; its idle directives are noticed once each', () => {
  const config = read(
    [
      'io-threads 4',
      'RDMA-port 7000',
      'import-mode no',
      'import-mode yes',
      'availability-zone "eu 1"',
      'primaryauth secret',
      'commandlog-execution-slower-than 5',
      'search-threads 8',
      'bf-error-rate 0.01',
    ].join('\n'),
  )
  expect(config.warnings).toEqual([
    "The directive 'io-threads' is accepted, but has no effect: one thread carries out all commands.",
    "The directive 'rdma-port' is accepted, but has no effect: nodes listen on TCP and Unix sockets only.",
    "The directive 'import-mode' is accepted, but has no effect: keys expire as usual.",
    "The directive 'search-threads' is accepted, but has no effect: there are no modules.",
    "The directive 'bf-error-rate' is accepted, but has no effect: there are no modules.",
  ])
  expect(configGet(config, ['masterauth', 'slowlog-log-slower-than', 'import-mode', 'primaryauth'])).toEqual([
    ['masterauth', 'secret'],
    ['slowlog-log-slower-than', '5'],
    ['import-mode', 'yes'],
    ['primaryauth', 'secret'],
  ])
})

test('values are checked, patterns show only the names of 7.2, and CONFIG REWRITE keeps what was set', () => {
  expect(parseConfig('import-mode maybe', world)).toMatchObject({
    error: { reason: "argument must be 'yes' or 'no'" },
  })
  for (const [line, reason] of [
    ['cluster-announce-client-ipv4 300.1.1.1', 'Invalid IPv4 address'],
    ['cluster-announce-client-ipv6 10.0.0.1', 'Invalid IPv6 address'],
  ]) {
    expect(parseConfig(line!, world)).toMatchObject({ error: { reason } })
  }
  const text = 'cluster-blacklist-ttl 5\nimport-mode yes\ncluster-announce-client-ipv6 "::1"\n'
  const config = read(text)
  const shown = new Set(configGet(config, ['*']).map(([name]) => name))
  expect([...Object.keys(NEWER), ...NEWER_ALIASES.keys()].filter((name) => shown.has(name))).toEqual([])
  expect(configRewrite(config, text)).toContain(text)
})

test('a node logs what becomes of directives, at its start and on CONFIG SET', async () => {
  await withNode(['--io-threads', '4', '--availability-zone', 'eu-1'], async (node) => {
    const about = (name: string) => node.log.filter((line) => line.includes(`'${name}'`)).length
    expect(about('io-threads')).toBe(1)
    expect(await node.call('CONFIG', 'SET', 'import-mode', 'yes')).toBe('OK')
    expect(about('import-mode')).toBe(1)
    expect(await node.call('INFO', 'server')).toContain('availability_zone:eu-1\r\n')
    const hello = (await node.call('HELLO', '2')) as string[]
    expect(hello[hello.indexOf('availability_zone') + 1]).toBe('eu-1')
  })
})

test('hide-user-data-from-log keeps input out of the log', async () => {
  await withNode(['--loglevel', 'verbose'], async (node) => {
    const errors = () => node.log.filter((line) => line.startsWith('Protocol error'))
    const sendBadInput = async () => {
      const before = errors().length
      const { connection } = await node.another()
      const ended = connection.call('GET', 'k').catch(() => {})
      connection.writeRaw(Buffer.from('*1\r\n+secret\r\n'))
      await ended
      await expect.poll(() => errors().length).toBe(before + 1)
      connection.close()
    }
    await sendBadInput()
    expect(errors()[0]).toContain('secret')
    await node.call('CONFIG', 'SET', 'hide-user-data-from-log', 'yes')
    await sendBadInput()
    expect(errors()[1]).not.toContain('secret')
    expect(errors()[1]).toContain('*redacted*')
  })
})
