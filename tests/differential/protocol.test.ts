/**
 * The client protocol byte by byte: the same bytes, in any pieces, right and wrong, to redis-server and to a node; what comes
 * back until the connection closes must be equal.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { missing, type RedisProcess, startRedis } from '../oracle.js'
import { open, type RunningNode } from '../support/node.js'
import { converse, cut } from '../support/raw.js'

const LONG = 'x'.repeat(65_540)
const KILOBYTES_16 = 'v'.repeat(16_385)

/** Without what HELLO tells of the server itself. */
function nameless(replies: string): string {
  return replies.replace(/\$\d\r\n7\.\d+\.\d+\r\n/g, '<version>').replace(/(\r\nid\r\n:)\d+/g, '$1<id>')
}

/** Each is said to a new connection. */
const SAID: readonly (readonly [name: string, bytes: string])[] = [
  ['a command', '*1\r\n$4\r\nPING\r\n'],
  ['commands in a row', '*1\r\n$4\r\nPING\r\n*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\nPING\r\n*1\r\n$4\r\npInG\r\n'],
  ['inline', 'PING\r\nECHO hi\nECHO "a b"\r\n  ECHO\t\'c d\'  \r\n\r\n\nPING\n'],
  [
    'inline quotes',
    'ECHO "\\x41\\n\\r\\t\\b\\a\\"\\\\\\q"\r\nECHO \'it\\\'s \\n\'\r\nECHO ""\r\nECHO a"b c"\r\n',
  ],
  ['inline, quote open', 'PING\r\nECHO "abc\r\nPING\r\n'],
  ['inline, quote closed within a word', 'ECHO "abc"d\r\nPING\r\n'],
  ['inline, too long', LONG],
  ['inline, a zero', 'PI\0NG\r\nPING\r\n'],
  ['empty array', '*0\r\nPING\r\n'],
  ['negative array', '*-1\r\n*-10\r\nPING\r\n'],
  ['array of nonsense', '*x\r\nPING\r\n'],
  ['array without number', '*\r\nPING\r\n'],
  ['array with zeros in front', '*01\r\n$4\r\nPING\r\n'],
  ['array with plus', '*+1\r\n$4\r\nPING\r\n'],
  ['array minus zero', '*-0\r\nPING\r\n'],
  ['array with blank', '* 1\r\n$4\r\nPING\r\n'],
  ['array too large', '*2147483648\r\n'],
  ['array much too large', '*99999999999999999999999\r\n'],
  ['array as large as may be', '*2147483647\r\n$4\r\nPING\r\n'],
  ['array line too long', `*${LONG}`],
  ['no dollar', '*1\r\nPING\r\nPING\r\n'],
  ['no dollar, no line end', '*1\r\nPING'],
  ['no dollar, a letter beyond ASCII', '*1\r\n\xe94\r\nPING\r\n'],
  ['no dollar, a line end', '*1\r\n\r\n\r\n'],
  ['no dollar, a zero', '*1\r\n\0\r\n'],
  ['length of nonsense', '*1\r\n$x\r\nPING\r\n'],
  ['length negative', '*1\r\n$-1\r\nPING\r\n'],
  ['length empty', '*1\r\n$\r\nPING\r\n'],
  ['length with zeros in front', '*1\r\n$04\r\nPING\r\n'],
  ['length 00', '*2\r\n$4\r\nECHO\r\n$00\r\n\r\n'],
  ['length 0', '*2\r\n$4\r\nECHO\r\n$0\r\n\r\n'],
  ['length too large', '*1\r\n$536870913\r\n'],
  ['length much too large', '*1\r\n$9223372036854775808\r\n'],
  ['length line too long', `*1\r\n$${LONG}`],
  ['bytes longer than said', '*1\r\n$4\r\nPINGPING\r\n*1\r\n$4\r\nPING\r\n'],
  ['any two bytes end a string', '*1\r\n$4\r\nPINGxy*1\r\n$4\r\nPING\r\n'],
  ['binary', '*2\r\n$4\r\nECHO\r\n$6\r\n\0\xff\r\n\x80\x01\r\n'],
  ['empty name', '*1\r\n$0\r\n\r\nPING\r\n'],
  ['unknown', 'foo bar "\\xff\\x00z" b\r\n'],
  ['unknown with line ends', '*2\r\n$5\r\nf\r\no!\r\n$3\r\n\r\nx\r\n'],
  ['unknown, long', `${'n'.repeat(200)} ${'a'.repeat(100)} ${'b'.repeat(100)} c\r\n`],
  ['wrong number of arguments', 'GET\r\nGET a b\r\nSET a\r\nPING a b\r\nEXEC a\r\n'],
  ['containers', 'CONFIG\r\nCONFIG x\r\nconfig get\r\nOBJECT "\\x00a"\r\nClient NoSuch\r\n'],
  ['select', 'SELECT 1\r\nSELECT -1\r\nSELECT 99\r\nSELECT x\r\nSELECT 99999999999\r\n'],
  ['quit', 'PING\r\nQUIT\r\nPING\r\n'],
  ['quit in a transaction', 'MULTI\r\nSET a b\r\nQUIT\r\nEXEC\r\n'],
  ['a browser', 'GET / HTTP/1.1\r\nHost: localhost\r\nPING\r\n'],
  ['a browser posts', 'PING\r\nPOST / HTTP/1.1\r\nPING\r\n'],
  ['silence', 'CLIENT REPLY OFF\r\nPING\r\nNOSUCH\r\nCLIENT REPLY ON\r\nPING\r\n'],
  ['one silence', 'CLIENT REPLY SKIP\r\nPING\r\nPING\r\nCLIENT REPLY SKIP\r\nNOSUCH\r\nPING\r\n'],
  ['silence for an empty line', 'CLIENT REPLY SKIP\r\n\r\nPING\r\n'],
  ['silence for an empty array', 'CLIENT REPLY SKIP\r\n*0\r\nPING\r\nCLIENT REPLY SKIP\r\n*-1\r\nPING\r\n'],
  ['silence for an unknown command', 'CLIENT REPLY SKIP\r\nNOSUCH\r\nPING\r\n'],
  ['silence upon silence', 'CLIENT REPLY OFF\r\nCLIENT REPLY SKIP\r\nCLIENT REPLY ON\r\nPING\r\n'],
  ['silence about silence', 'CLIENT REPLY SKIP\r\nCLIENT REPLY ON\r\nPING\r\n'],
  ['silence that quits', 'CLIENT REPLY OFF\r\nQUIT\r\n'],
  ['silence with messages', 'CLIENT REPLY OFF\r\nSUBSCRIBE ch\r\nUNSUBSCRIBE ch\r\nPING\r\n'],
  ['third protocol', 'HELLO 3 SETNAME\r\nHELLO 4\r\nHELLO x\r\nHELLO 2 NOSUCH\r\n'],
]

describe.skipIf(missing('redis-server'))('the protocol beside redis-server', () => {
  let redis: RedisProcess
  let guarded: RedisProcess
  let node: RunningNode
  let shoal: RunningNode

  beforeAll(async () => {
    redis = await startRedis([])
    guarded = await startRedis(['--requirepass', 'secret'])
    node = await open()
    shoal = await open('--requirepass', 'secret')
  })

  afterAll(async () => {
    await Promise.all([redis?.stop(), guarded?.stop(), node?.stop(), shoal?.stop()])
  })

  test.each(SAID)('%s', async (_name, bytes) => {
    const expected = await converse(redis.port, [bytes])
    expect(await converse(Number(node.port), [bytes])).toBe(expected)
    // And in two pieces, cut where it may matter.
    const where = bytes.length > 1000 ? [1, 2, 5, bytes.length - 2] : [1, 2, 3, 5, 6, 9, bytes.length - 1]
    for (const place of where) {
      expect(await converse(Number(node.port), cut(bytes, [place]))).toBe(expected)
    }
  })

  test.each([
    ['too many arguments', '*11\r\n'],
    ['as many as may be', '*10\r\n$4\r\nPING\r\n'],
    ['too long', '*1\r\n$16385\r\n'],
    ['as long as may be', `*2\r\n$4\r\nECHO\r\n$16384\r\n${KILOBYTES_16.slice(1)}\r\n`],
    ['commands that may not', 'PING\r\nGET a\r\nNOSUCH\r\nMULTI\r\nEXEC\r\nEXEC a\r\nQUIT\r\n'],
    ['wrong passwords', 'AUTH x\r\nAUTH default x\r\nAUTH a b c d\r\nAUTH\r\n'],
    [
      'logged in on the way, then as long as one likes',
      `AUTH secret\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$16385\r\n${KILOBYTES_16}\r\nGET a\r\n`,
    ],
  ])('without a password: %s', async (_name, bytes) => {
    const expected = await converse(guarded.port, [bytes])
    expect(await converse(Number(shoal.port), [bytes])).toBe(expected)
    expect(await converse(Number(shoal.port), cut(bytes, [3, bytes.length - 3]))).toBe(expected)
  })

  const word = fc.constantFrom(
    'PING',
    'ECHO',
    'SET',
    'GET',
    'foo',
    'a',
    'é',
    '',
    '1',
    'x y',
    'SELECT',
    '\r\n',
  )
  const array = fc
    .array(word, { minLength: 1, maxLength: 4 })
    .map((words) => `*${words.length}\r\n${words.map((w) => `$${w.length}\r\n${w}\r\n`).join('')}`)
  const inline = fc
    .array(fc.constantFrom('PING', 'ECHO', 'GET', '"q"', "'s'", 'a', '"', '\\x41'), { maxLength: 3 })
    .map((words) => `${words.join(' ')}\r\n`)
  const broken = fc.constantFrom(
    '*',
    '$',
    '*1\r\n',
    '$3\r\n',
    '*2\r\n$4\r\nECHO\r\n',
    '\r\n',
    '*-1\r\n',
    '\0',
    '$-1\r\n',
  )

  test('anything, in any pieces', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.oneof({ weight: 4, arbitrary: array }, { weight: 2, arbitrary: inline }, broken), {
          maxLength: 8,
        }),
        fc.array(fc.nat(400), { maxLength: 5 }),
        async (parts, places) => {
          const bytes = `FLUSHALL\r\n${parts.join('')}`
          const [expected, got] = await Promise.all([
            converse(redis.port, [bytes]),
            converse(Number(node.port), cut(bytes, places)),
          ])
          expect(nameless(got)).toBe(nameless(expected))
        },
      ),
      { numRuns: 150 },
    )
  })

  test('a byte changed anywhere', async () => {
    const good =
      '*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nhello\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\nECHO "x y"\r\n*1\r\n$4\r\nPING\r\n'
    await fc.assert(
      fc.asyncProperty(fc.nat(good.length - 1), fc.nat(255), fc.nat(100), async (at, byte, place) => {
        const bytes = good.slice(0, at) + String.fromCharCode(byte) + good.slice(at + 1)
        const [expected, got] = await Promise.all([
          converse(redis.port, [`FLUSHALL\r\n${bytes}`]),
          converse(Number(node.port), cut(`FLUSHALL\r\n${bytes}`, [place])),
        ])
        expect(nameless(got)).toBe(nameless(expected))
      }),
      { numRuns: 200 },
    )
  })
})
