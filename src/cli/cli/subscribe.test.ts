/**
 * The subscribed mode of the prompt. redis-cli has it since 7.2, so there is no oracle to run: expectations are what
 * redis-cli 7.2.4 prints for the same lines.
 */

import { PassThrough, Writable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { inProcess } from '../../../tests/io.js'
import { open, type RunningNode } from '../../../tests/support/node.js'
import { runCli } from './run.js'

let node: RunningNode

beforeAll(async () => {
  node = await open()
})
afterAll(() => node.stop())

/** A prompt in this process: lines go in when the test says so. */
class Prompt {
  readonly #stdin = new PassThrough()
  readonly #ended: Promise<number>
  #shown = ''

  constructor(options: string[], env: Record<string, string> = {}) {
    const stdout = new Writable({
      write: (chunk: Uint8Array, _encoding, done) => {
        this.#shown += Buffer.from(chunk).toString('latin1')
        done()
      },
    })
    const io = { stdin: this.#stdin, stdout, stderr: stdout, env, onInterrupt: () => () => {} }
    this.#ended = runCli(['-p', node.port, ...options], io)
  }

  type(line: string): void {
    this.#stdin.write(`${line}\n`)
  }

  /** Waits until exactly this has been printed since the last call. */
  async shows(text: string): Promise<void> {
    await expect.poll(() => this.#shown, { interval: 1, timeout: 10_000 }).toBe(text)
    this.#shown = ''
  }

  end(): Promise<number> {
    this.#stdin.end()
    return this.#ended
  }
}

test.each([[], ['-3']])(
  'unsubscribe of several channels leaves the next reply in its place (%s)',
  async (...options) => {
    const lines = 'unsubscribe a b\npunsubscribe\nset k v\nget k\nsubscribe a\nunsubscribe a\n'
    const ran = await inProcess(runCli, ['-p', node.port, ...options], { stdin: lines })
    const nothing = (what: string, channel: string) => `${what}\n${channel}\n0\n`
    expect(ran).toEqual({
      code: 0,
      stdout:
        `${nothing('unsubscribe', 'a')}${nothing('unsubscribe', 'b')}${nothing('punsubscribe', '')}OK\nv\n` +
        'subscribe\na\n1\nunsubscribe\na\n0\n',
      stderr: '',
    })
  },
)

test('messages are shown while the user may type; RESET ends the subscribed mode', async () => {
  const prompt = new Prompt([], { FAKETTY: '1' })
  const reading = 'Reading messages... (press Ctrl-C to quit or any key to type command)\r'
  const erase = '\x1b[K'
  prompt.type('subscribe a b')
  const subscribed = (name: string, count: number) => `1) "subscribe"\n2) "${name}"\n3) (integer) ${count}\n`
  await prompt.shows(`${subscribed('a', 1)}${subscribed('b', 2)}${reading}`)
  await node.call('PUBLISH', 'b', 'hello')
  await prompt.shows(`${erase}1) "message"\n2) "b"\n3) "hello"\n${reading}`)
  prompt.type('get k')
  await prompt.shows(
    `${erase}(error) ERR Can't execute 'get': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context\n${reading}`,
  )
  prompt.type('reset')
  await prompt.shows(`${erase}RESET\n`)
  prompt.type('ping')
  await prompt.shows('PONG\n')
  expect(await prompt.end()).toBe(0)
})

test('in RESP3 commands are answered between messages and invalidations', async () => {
  const prompt = new Prompt(['-3'])
  prompt.type('subscribe a')
  await prompt.shows('subscribe\na\n1\n')
  prompt.type('client tracking on')
  await prompt.shows('OK\n')
  prompt.type('set k 42')
  await prompt.shows('OK\n')
  prompt.type('get k')
  await prompt.shows('42\n')
  await node.call('PUBLISH', 'a', 'hello')
  await node.call('DEL', 'k')
  await node.call('PUBLISH', 'a', 'world')
  await prompt.shows('message\na\nhello\ninvalidate\nk\nmessage\na\nworld\n')
  expect(await prompt.end()).toBe(0)
})
