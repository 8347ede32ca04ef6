/**
 * What a CLUSTER command's OK says is on the disk: nodes are killed with SIGKILL the moment the OK has arrived, and must
 * come back with what they promised.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { connect, errorOf, textOf } from '../src/client/index.js'
import { ask, askText, ENGINES, eventually, freeRange, kill, serverCommand } from './processes.js'

const TEST_MS = 180_000
const LIMIT_MS = 60_000
const NODES = 3

describe.each(ENGINES)('on %s', (engine) => {
  let dir = ''
  let first = 0
  const children: ChildProcess[] = []
  const names: string[] = []

  async function start(i: number): Promise<void> {
    const folder = join(dir, String(i))
    mkdirSync(folder, { recursive: true })
    const [program, ...args] = serverCommand(engine)
    const options = ['--port', String(first + i), '--dir', folder, '--cluster-enabled', 'yes', '--save', '']
    const child = spawn(
      program,
      [...args, ...options, '--cluster-node-timeout', '5000', '--cluster-require-full-coverage', 'no'],
      { stdio: 'ignore' },
    )
    children[i] = child
    await eventually(
      `node ${i} answers`,
      async () => (await askText(first + i, 'PING')) === 'PONG' || undefined,
      LIMIT_MS,
    )
  }

  const allAgree = () =>
    eventually(
      'all are up and know each other',
      async () => {
        for (let i = 0; i < NODES; i++) {
          const info = await askText(first + i, 'CLUSTER', 'INFO')
          if (!info.includes('cluster_state:ok') || !info.includes(`cluster_known_nodes:${NODES}`))
            return undefined
        }
        return true
      },
      LIMIT_MS,
    )

  const confOf = (i: number) => readFileSync(join(dir, String(i), 'nodes.conf'), 'utf8')
  const lineOf = (conf: string, name: string) => conf.split('\n').find((line) => line.startsWith(name)) ?? ''

  beforeAll(async () => {
    dir = mkdtempSync(join(tmpdir(), 'shoal-cluster-durability-'))
    first = await freeRange(NODES)
    for (let i = 0; i < NODES; i++) await start(i)
    await ask(first, 'CLUSTER', 'ADDSLOTSRANGE', '0', '8000')
    await ask(first + 1, 'CLUSTER', 'ADDSLOTSRANGE', '8001', '16382')
    await ask(first + 2, 'CLUSTER', 'ADDSLOTSRANGE', '16383', '16383')
    for (let i = 0; i < NODES; i++) {
      await ask(first + i, 'CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1))
      names[i] = await askText(first + i, 'CLUSTER', 'MYID')
    }
    for (let i = 1; i < NODES; i++) await ask(first, 'CLUSTER', 'MEET', '127.0.0.1', String(first + i))
    await allAgree()
  }, TEST_MS)

  afterAll(async () => {
    for (const child of children) await kill(child.pid)
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 })
  })

  const move = async (slot: number): Promise<void> => {
    await ask(first + 1, 'CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', names[0]!)
    await ask(first, 'CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', names[1]!)
    await ask(first + 1, 'CLUSTER', 'SETSLOT', String(slot), 'NODE', names[1]!)
  }

  test(
    'a target killed after the OK to SETSLOT NODE owns the slot when it is back',
    async () => {
      // The first import raises the config epoch; those after it change nothing but the slot's owner.
      await move(100)
      await ask(first, 'CLUSTER', 'SETSLOT', '100', 'NODE', names[1]!)
      for (const slot of [101, 102, 103, 104, 105]) {
        await move(slot)
        await kill(children[1]!.pid)
        expect(lineOf(confOf(1), names[1]!), `slot ${slot} in the target's file`).toMatch(
          new RegExp(` 100-${slot} `),
        )
        await ask(first, 'CLUSTER', 'SETSLOT', String(slot), 'NODE', names[1]!)
        // The source's file holds what its OK said, too.
        expect(lineOf(confOf(0), names[1]!)).toContain(` 100-${slot} `)
        await start(1)
        await allAgree()
        const view = async (i: number) => lineOf(await askText(first + i, 'CLUSTER', 'NODES'), names[1]!)
        for (let i = 0; i < NODES; i++) {
          await eventually(
            `node ${i} sees slot ${slot} at the target`,
            async () => (await view(i)).includes(` 100-${slot} `) || undefined,
            LIMIT_MS,
          )
        }
      }
    },
    TEST_MS,
  )

  test.each([
    ['SETSLOT IMPORTING', ['SETSLOT', '200', 'IMPORTING', '@0'], /\[200-<-/],
    ['SETSLOT MIGRATING', ['SETSLOT', '9000', 'MIGRATING', '@0'], /\[9000->-/],
    ['SETSLOT STABLE', ['SETSLOT', '9000', 'STABLE'], /^(?!.*\[9000)/],
    ['DELSLOTS', ['DELSLOTS', '16382'], /-16381 /],
    ['ADDSLOTS', ['ADDSLOTS', '16382'], /-16382 /],
    ['BUMPEPOCH', ['BUMPEPOCH'], / \d+ connected/],
    ['FORGET', ['FORGET', '@2'], /./],
  ] as const)(
    '%s is on the disk when its OK arrives',
    async (name, words, expected) => {
      await allAgree()
      await ask(
        first + 1,
        'CLUSTER',
        ...words.map((word) => (word[0] === '@' ? names[Number(word[1])]! : word)),
      )
      await kill(children[1]!.pid)
      const conf = confOf(1)
      try {
        expect(`${lineOf(conf, names[1]!)} `).toMatch(expected)
        if (name === 'FORGET') expect(lineOf(conf, names[2]!)).toBe('')
      } finally {
        await start(1)
        if (name === 'FORGET') await ask(first + 1, 'CLUSTER', 'MEET', '127.0.0.1', String(first + 2))
      }
    },
    TEST_MS,
  )

  test(
    'many changes in one pipeline share writes, and others are served meanwhile',
    async () => {
      await allAgree()
      const connection = await connect({
        port: first + 1,
        connectTimeout_ms: 10_000,
        replyTimeout_ms: LIMIT_MS,
      })
      try {
        const replies = await Promise.all(
          Array.from({ length: 1000 }, (_, i) =>
            connection.call('CLUSTER', 'SETSLOT', String(300 + i), 'IMPORTING', names[0]!),
          ),
        )
        for (const reply of replies) expect(errorOf(reply) ?? textOf(reply)).toBe('OK')
      } finally {
        connection.close()
      }
      await kill(children[1]!.pid)
      const line = lineOf(confOf(1), names[1]!)
      for (let slot = 300; slot < 1300; slot++) expect(line).toContain(`[${slot}-<-`)
      await start(1)
    },
    TEST_MS,
  )

  test.skipIf(engine !== 'shoal')(
    'where the file cannot be written there is no OK',
    async () => {
      await allAgree()
      const folder = join(dir, '1')
      renameSync(folder, `${folder}-away`)
      try {
        await expect(ask(first + 1, 'CLUSTER', 'SETSLOT', '2000', 'IMPORTING', names[0]!)).rejects.toThrow()
        await eventually('the node ends', () => children[1]!.exitCode ?? undefined, LIMIT_MS)
      } finally {
        renameSync(`${folder}-away`, folder)
      }
    },
    TEST_MS,
  )
})
