/** Fields that expire: replies, what goes out, what listeners hear, and a plain model with a time of its own. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Runner } from '../../../tests/support/runner.js'
import { expireSomeFields } from '../../keyspace/collections/field-expiry.js'
import { EXPIRE_DELETE, EXPIRE_HIDE, EXPIRE_IGNORE } from '../../keyspace/expiry.js'

const NOW = 1_700_000_000_000

/** A runner whose hashes are small or, with `large`, dictionaries from their first field on. */
function newRunner(large: boolean): Runner {
  const runner = new Runner({ now_ms: NOW })
  if (large) {
    const { limit } = runner.keyspace
    runner.keyspace.limit = (name) => (name === 'hash-max-listpack-entries' ? 0 : limit(name))
  }
  return runner
}

describe.each([false, true])('in the large form: %s', (large) => {
  test('HEXPIRE and its kin, on all conditions', () => {
    const runner = newRunner(large)
    runner.say('HSET h a 1 b 2 c 3')
    expect(runner.say('HEXPIRE h 100 FIELDS 2 a zz')).toBe('*2 :1 :-2')
    expect(runner.propagated).toEqual([`HPEXPIREAT h ${NOW + 100_000} FIELDS 1 a`])
    expect(runner.say('OBJECT ENCODING h')).toBe(large ? '$9 hashtable' : '$10 listpackex')
    expect(runner.say('HPEXPIRE h 200000 NX FIELDS 2 a b')).toBe('*2 :0 :1')
    expect(runner.propagated).toEqual([`HPEXPIREAT h ${NOW + 200_000} NX FIELDS 1 b`])
    expect(runner.say(`HEXPIREAT h ${NOW / 1000 + 150} GT FIELDS 3 a b c`)).toBe('*3 :1 :0 :0')
    expect(runner.say(`HPEXPIREAT h ${NOW + 170_000} LT FIELDS 3 a b c`)).toBe('*3 :0 :1 :1')
    expect(runner.say(`HPEXPIREAT h ${NOW + 170_000} XX FIELDS 1 c`)).toBe('*1 :1')
    expect(runner.say('HPTTL h FIELDS 4 a b c zz')).toBe('*4 :150000 :170000 :170000 :-2')
    expect(runner.say('HTTL h FIELDS 1 a')).toBe('*1 :150')
    expect(runner.say(`HPEXPIRETIME h FIELDS 1 a`)).toBe(`*1 :${NOW + 150_000}`)
    expect(runner.say(`HEXPIRETIME h FIELDS 1 b`)).toBe(`*1 :${(NOW + 170_000) / 1000}`)
    expect(runner.say('HPERSIST h FIELDS 3 a a zz')).toBe('*3 :1 :-1 :-2')
    expect(runner.propagated).toEqual(['HPERSIST h FIELDS 3 a a zz'])
    expect(runner.say('HTTL h FIELDS 1 a')).toBe('*1 :-1')
    expect(runner.say('HTTL nothing FIELDS 2 a b')).toBe('*2 :-2 :-2')
    expect(runner.say('HEXPIRE nothing 10 FIELDS 1 a')).toBe('*1 :-2')
    expect(runner.say('HPERSIST nothing FIELDS 1 a')).toBe('*1 :-2')
    // What changes nothing goes nowhere.
    expect(runner.say('HPEXPIRE h 1 XX FIELDS 1 a')).toBe('*1 :0')
    expect(runner.propagated).toEqual([])
    runner.now_ms = NOW + 170_000
    expect(runner.say('HMGET h a b c')).toBe('*3 $1 1 $1 2 $1 3')
    runner.now_ms++
    expect(runner.say('HMGET h a b c')).toBe('*3 $1 1 $-1 $-1')
    expect(runner.propagated).toEqual(['HDEL h b', 'HDEL h c'])
    expect(runner.say('HLEN h')).toBe(':1')
  })

  test('what has expired is counted, but neither shown nor walked, and goes when somebody looks for it', () => {
    const runner = newRunner(large)
    const events = runner.listen()
    runner.say('HSET h a 1 b 2 c 3 d 4')
    runner.say('HPEXPIRE h 10 FIELDS 3 a b c')
    runner.now_ms = NOW + 11
    expect(runner.say('HLEN h')).toBe(':4')
    expect(runner.say('HGETALL h')).toBe('*2 $1 d $1 4')
    expect(runner.say('HKEYS h')).toBe('*1 $1 d')
    expect(runner.say('HVALS h')).toBe('*1 $1 4')
    expect(runner.say('HSCAN h 0 COUNT 100')).toBe('*2 $1 0 *2 $1 d $1 4')
    expect(runner.say('HLEN h')).toBe(':4')
    events.length = 0
    expect(runner.say('HGET h a')).toBe('$-1')
    expect(runner.propagated).toEqual(['HDEL h a'])
    expect(events).toEqual(['hexpired 0 h'])
    expect(runner.say('HDEL h b')).toBe(':1')
    expect(runner.say('HLEN h')).toBe(':2')
    expect(runner.say('HRANDFIELD h 10')).toBe('*1 $1 d')
    expect(runner.propagated).toEqual(['HDEL h c'])
    expect(runner.say('HLEN h')).toBe(':1')
    expect(runner.keyspace.expiredFields).toBe(2)
  })

  test('a hash goes with its last field', () => {
    const runner = newRunner(large)
    const events = runner.listen()
    const lookers = [
      'HGET h f',
      'HMGET h f',
      'HEXISTS h f',
      'HSTRLEN h f',
      'HRANDFIELD h',
      'HGETDEL h FIELDS 1 f',
    ]
    for (const line of [...lookers, 'HGETEX h FIELDS 1 f', 'HSETEX h FXX FIELDS 1 f v']) {
      runner.say('HSET h f v')
      runner.say('HPEXPIRE h 10 FIELDS 1 f')
      runner.now_ms += 11
      expect(runner.say('EXISTS h'), line).toBe(':1')
      events.length = 0
      runner.say(line)
      expect(runner.propagated, line).toEqual(['HDEL h f'])
      expect(events, line).toEqual(['hexpired 0 h', 'del 0 h'])
      expect(runner.say('EXISTS h'), line).toBe(':0')
    }
    // Who writes makes another.
    for (const [line, reply] of [
      ['HSETNX h f 5', ':1'],
      ['HINCRBY h f 5', ':5'],
      ['HINCRBYFLOAT h f 5', '$1 5'],
      ['HSETEX h FNX FIELDS 1 f 5', ':1'],
    ] as const) {
      runner.say('DEL h')
      runner.say('HSET h f 70')
      runner.say('HPEXPIRE h 10 FIELDS 1 f')
      runner.now_ms += 11
      expect(runner.say(line)).toBe(reply)
      expect(runner.propagated?.[0]).toBe('HDEL h f')
      expect(runner.say('HGET h f')).toBe('$1 5')
      expect(runner.say('HTTL h FIELDS 1 f')).toBe('*1 :-1')
    }
    expect(runner.keyspace.fieldTimes.size).toBe(0)
  })

  test('a time that has passed removes the field at once', () => {
    const runner = newRunner(large)
    const events = runner.listen()
    runner.say('HSET h a 1 b 2 c 3')
    events.length = 0
    expect(runner.say('HPEXPIREAT h 5 FIELDS 2 a zz')).toBe('*2 :2 :-2')
    expect(runner.propagated).toEqual(['HDEL h a'])
    expect(events).toEqual(['hdel 0 h'])
    expect(runner.say('HGETEX h PX 0 FIELDS 1 b')).toBe('*1 $1 2')
    expect(runner.propagated).toEqual(['HDEL h b'])
    expect(runner.say('HSETEX h PXAT 1 FIELDS 2 c 1 d 1')).toBe(':1')
    expect(runner.propagated).toEqual(['HDEL h c', 'HDEL h d'])
    expect(events.slice(-3)).toEqual(['hset 0 h', 'hdel 0 h', 'del 0 h'])
    expect(runner.say('EXISTS h')).toBe(':0')
    // A node that does not decide takes the time as it is.
    runner.keyspace.expiry = EXPIRE_IGNORE
    runner.say('HSET h a 1')
    expect(runner.say('HPEXPIREAT h 5 FIELDS 1 a')).toBe('*1 :1')
    expect(runner.say('HGET h a')).toBe('$1 1')
    runner.keyspace.expiry = EXPIRE_HIDE
    expect(runner.say('HGET h a')).toBe('$-1')
    expect(runner.say('HGETALL h')).toBe('*0')
    expect(runner.say('HLEN h')).toBe(':1')
    expect(runner.propagated).toBe(null)
    runner.keyspace.expiry = EXPIRE_DELETE
    expect(runner.say('HGET h a')).toBe('$-1')
    expect(runner.say('HLEN h')).toBe(':0')
  })

  test('who sets a field forgets its time, who counts keeps it', () => {
    const runner = newRunner(large)
    runner.say('HSET h a 1 b 2 c 3')
    runner.say('HPEXPIRE h 1000 FIELDS 3 a b c')
    expect(runner.say('HSET h a 5')).toBe(':0')
    expect(runner.say('HINCRBY h b 5')).toBe(':7')
    expect(runner.say('HINCRBYFLOAT h c 0.5')).toBe('$3 3.5')
    expect(runner.propagated).toEqual(['HSETEX h KEEPTTL FIELDS 1 c 3.5'])
    expect(runner.say('HPTTL h FIELDS 3 a b c')).toBe('*3 :-1 :1000 :1000')
    expect(runner.say('HINCRBYFLOAT h a 0.5')).toBe('$3 5.5')
    expect(runner.propagated).toEqual(['HSET h a 5.5'])
    expect(runner.say('HSETEX h KEEPTTL FIELDS 2 a 1 b 1')).toBe(':1')
    expect(runner.say('HPTTL h FIELDS 3 a b c')).toBe('*3 :-1 :1000 :1000')
    expect(runner.say('HSETEX h FIELDS 2 a 1 b 1')).toBe(':1')
    expect(runner.say('HPTTL h FIELDS 3 a b c')).toBe('*3 :-1 :-1 :1000')
  })

  test('HSETEX, HGETEX, HGETDEL', () => {
    const runner = newRunner(large)
    const events = runner.listen()
    expect(runner.say('HSETEX h FXX FIELDS 1 a 1')).toBe(':0')
    expect(runner.say('EXISTS h')).toBe(':0')
    expect(runner.say('HSETEX h FNX EX 100 FIELDS 2 a 1 b 2')).toBe(':1')
    expect(runner.propagated).toEqual([`HSETEX h FNX PXAT ${NOW + 100_000} FIELDS 2 a 1 b 2`])
    expect(events.slice(-2)).toEqual(['hset 0 h', 'hexpire 0 h'])
    expect(runner.say('HSETEX h FNX FIELDS 2 c 1 b 2')).toBe(':0')
    expect(runner.say('HSETEX h FXX FIELDS 2 c 1 b 2')).toBe(':0')
    expect(runner.say('HSETEX h PXAT 1800000000000 FXX FIELDS 1 b 3')).toBe(':1')
    expect(runner.propagated).toEqual(['HSETEX h PXAT 1800000000000 FXX FIELDS 1 b 3'])
    expect(runner.say('HPEXPIRETIME h FIELDS 2 a b')).toBe(`*2 :${NOW + 100_000} :1800000000000`)
    expect(runner.say('HGETEX h FIELDS 2 a zz')).toBe('*2 $1 1 $-1')
    expect(runner.propagated).toEqual([])
    expect(runner.say('HGETEX h PX 5 FIELDS 2 a zz')).toBe('*2 $1 1 $-1')
    expect(runner.propagated).toEqual([`HPEXPIREAT h ${NOW + 5} FIELDS 1 a`])
    expect(runner.say('HGETEX h PERSIST FIELDS 2 a a')).toBe('*2 $1 1 $1 1')
    expect(runner.propagated).toEqual(['HPERSIST h FIELDS 1 a'])
    expect(events.at(-1)).toBe('hpersist 0 h')
    expect(runner.say('HGETEX nothing EX 5 FIELDS 1 a')).toBe('*1 $-1')
    expect(runner.say('HGETDEL h FIELDS 3 a zz a')).toBe('*3 $1 1 $-1 $-1')
    expect(runner.propagated).toEqual(['HDEL h a'])
    expect(runner.say('HGETDEL h FIELDS 1 b')).toBe('*1 $1 3')
    expect(events.slice(-2)).toEqual(['hdel 0 h', 'del 0 h'])
    expect(runner.say('HGETDEL h FIELDS 1 b')).toBe('*1 $-1')
  })

  test('fields go with their times under other keys, into other databases and copies', () => {
    const runner = newRunner(large)
    const { keyspace } = runner
    const [db0, db1] = keyspace.databases
    runner.say('HSET h a 1 b 2')
    runner.say('HPEXPIRE h 1000 FIELDS 1 a')
    runner.say('RENAME h i')
    runner.say('COPY i j')
    runner.say('PEXPIRE j 50000')
    expect(runner.say('HPTTL j FIELDS 2 a b')).toBe('*2 :1000 :-1')
    runner.say('MOVE i 1')
    expect([keyspace.fieldTimes.count(db0!), keyspace.fieldTimes.count(db1!)]).toEqual([1, 1])
    runner.now_ms = NOW + 1001
    const told: string[] = []
    const tell = (key: Uint8Array, gone: boolean) => told.push(`${Buffer.from(key)} ${gone}`)
    expect(expireSomeFields(db1!, 10, tell)).toBe(1)
    expect(expireSomeFields(db0!, 10, tell)).toBe(1)
    expect(told).toEqual(['i false', 'j false'])
    expect(runner.say('HGETALL j')).toBe('*2 $1 b $1 2')
    expect(keyspace.fieldTimes.size).toBe(0)
    runner.say('HPEXPIRE j 10 FIELDS 1 b')
    runner.say('FLUSHDB ASYNC')
    expect(keyspace.fieldTimes.size).toBe(0)
    runner.now_ms += 11
    expect(expireSomeFields(db0!, 10, tell)).toBe(0)
    // What comes under the same key has nothing to do with what waits to be freed.
    runner.say('HSETEX j PX 10 FIELDS 1 b 1')
    while (runner.keyspace.graveyard.dig(10));
    expect(keyspace.fieldTimes.count(db0!)).toBe(1)
    runner.now_ms += 11
    expect(expireSomeFields(db0!, 10, tell)).toBe(1)
    expect(told.at(-1)).toBe('j true')
    runner.say('FLUSHALL')
    expect(keyspace.fieldTimes.size).toBe(0)
  })
})

test('what cannot be read is told in Redis words', () => {
  const runner = newRunner(false)
  runner.say('SET s x')
  const missing = '-ERR Mandatory argument FIELDS is missing or not at the right position'
  const mismatch = '-ERR The `numfields` parameter must match the number of arguments'
  const positive = '-ERR Number of fields must be a positive integer'
  const many = '-ERR Only one of EX, PX, EXAT, PXAT or KEEPTTL arguments can be specified'
  const cases: readonly (readonly [string, string])[] = [
    ['HEXPIRE s 1 FIELDS 1 a', '-WRONGTYPE Operation against a key holding the wrong kind of value'],
    ['HTTL s FIELDS 1 a', '-WRONGTYPE Operation against a key holding the wrong kind of value'],
    ['HEXPIRE h 1 FIELDS 1', "-ERR wrong number of arguments for 'hexpire' command"],
    ['HEXPIRE h -1 FIELDS 1 a', '-ERR invalid expire time, must be >= 0'],
    ['HEXPIRE h x FIELDS 1 a', '-ERR value is not an integer or out of range'],
    ['HEXPIRE h 281474976710 FIELDS 1 a', "-ERR invalid expire time in 'hexpire' command"],
    ['HPEXPIREAT h 70368744177664 FIELDS 1 a', "-ERR invalid expire time in 'hpexpireat' command"],
    ['HPEXPIREAT h 70368744177663 FIELDS 1 a', '*1 :-2'],
    ['HPEXPIRE h 1 NX 1 FIELDS a', missing],
    ['HPEXPIRE h 1 NX FIELDS 0 a', '-ERR Parameter `numFields` should be greater than 0'],
    ['HPEXPIRE h 1 FIELDS 2 a', mismatch],
    ['HTTL h FIELDS 0 a', positive],
    ['HTTL h FIELDS x a', positive],
    ['HTTL h FIELDS 9 a', mismatch],
    ['HTTL h FIELD 1 a', missing],
    ['HGETEX h PXAT 1 1', missing],
    ['HGETEX h EX 5 FIELDS', positive],
    ['HGETEX h FIELDS 2 a', mismatch],
    ['HGETEX h PERSIST 1 FIELDS 1 a', missing],
    ['HGETDEL h FIELDS -1 a', positive],
    ['HSETEX h FIELDS 2 a b', "-ERR wrong number of arguments for 'hsetex' command"],
    ['HSETEX h FIELDS 1 a b c', "-ERR wrong number of arguments for 'hsetex' command"],
    ['HSETEX h FIELDS x a b', '-ERR invalid number of fields'],
    ['HSETEX h NX FIELDS 1 a b', '-ERR unknown argument: NX'],
    ['HSETEX h FXX FNX FIELDS 1 a b', '-ERR Only one of FXX or FNX arguments can be specified'],
    ['HSETEX h EX 1 PX 1 FIELDS 1 a b', many],
    ['HSETEX h KEEPTTL EX 1 FIELDS 1 a b', many],
    ['HSETEX h EX FIELDS 1 a b', '-ERR value is not an integer or out of range'],
    ['HSETEX h EX 5 FXX KEEPTTL EX', many],
    ['HSETEX h FXX a b c', '-ERR unknown argument: a'],
  ]
  for (const [line, reply] of cases) expect(runner.say(line), line).toBe(reply)
})

test('hashes do what a plain model does, while time passes', () => {
  const key = fc.constantFrom('h', 'i')
  const field = fc.integer({ min: 0, max: 9 }).map((n) => `f${n}`)
  const fields = fc.uniqueArray(field, { minLength: 1, maxLength: 4 })
  const ms = fc.integer({ min: 0, max: 60 })
  const step = fc.oneof(
    fc.record({ what: fc.constant('set' as const), key, fields, keep: fc.boolean() }),
    fc.record({
      what: fc.constant('expire' as const),
      key,
      fields,
      ms,
      when: fc.constantFrom('', 'NX', 'XX', 'GT', 'LT'),
    }),
    fc.record({ what: fc.constant('persist' as const), key, fields }),
    fc.record({ what: fc.constant('get' as const), key, field }),
    fc.record({ what: fc.constant('count' as const), key, field }),
    fc.record({ what: fc.constant('delete' as const), key, fields }),
    fc.record({ what: fc.constant('draw' as const), key }),
    fc.record({ what: fc.constant('rename' as const), key }),
    fc.record({ what: fc.constant('copy' as const), key }),
    fc.record({ what: fc.constant('wait' as const), ms }),
    fc.record({ what: fc.constant('sweep' as const), limit: fc.integer({ min: 1, max: 4 }) }),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: 'max' }), fc.constantFrom(0, 4, 512), (steps, most) => {
      const runner = new Runner({ now_ms: NOW })
      const { keyspace } = runner
      const limit = keyspace.limit
      keyspace.limit = (name) => (name === 'hash-max-listpack-entries' ? most : limit(name))
      const before = keyspace.heap.usedBytes
      const model = new Model(runner)
      let serial = 0
      for (const one of steps) {
        if (one.what === 'wait') model.now = runner.now_ms = runner.now_ms + one.ms
        else if (one.what === 'sweep')
          model.sweep(
            expireSomeFields(keyspace.databases[0]!, one.limit, () => {}),
            one.limit,
          )
        else model.run(one, serial++)
        model.check()
      }
      runner.run('FLUSHALL')
      expect(keyspace.heap.usedBytes).toBe(before)
      expect(keyspace.fieldTimes.size).toBe(0)
    }),
    { numRuns: 120 },
  )
})

type Step =
  | { what: 'set'; key: string; fields: string[]; keep: boolean }
  | { what: 'expire'; key: string; fields: string[]; ms: number; when: string }
  | { what: 'persist' | 'delete'; key: string; fields: string[] }
  | { what: 'get' | 'count'; key: string; field: string }
  | { what: 'draw' | 'rename' | 'copy'; key: string }

/** Hashes as maps; a time of 0 is none. */
class Model {
  now = NOW
  readonly hashes = new Map<string, Map<string, { value: string; at: number }>>()
  private readonly runner: Runner

  constructor(runner: Runner) {
    this.runner = runner
  }

  private due({ at }: { at: number }): boolean {
    return at !== 0 && at < this.now
  }

  /** Somebody looks for a field: what is due goes. */
  private look(key: string, field: string): { value: string; at: number } | undefined {
    const hash = this.hashes.get(key)
    const held = hash?.get(field)
    if (hash === undefined || held === undefined || !this.due(held)) return held
    hash.delete(field)
    if (hash.size === 0) this.hashes.delete(key)
    return undefined
  }

  private drop(key: string, field: string): void {
    const hash = this.hashes.get(key)!
    hash.delete(field)
    if (hash.size === 0) this.hashes.delete(key)
  }

  run(step: Step, serial: number): void {
    const { runner } = this
    const { key } = step
    const hash = () => this.hashes.get(key) ?? new Map<string, { value: string; at: number }>()
    if (step.what === 'set') {
      const pairs = step.fields.flatMap((field) => [field, `v${serial}`])
      const options = step.keep ? ['KEEPTTL'] : []
      expect(runner.run('HSETEX', key, ...options, 'FIELDS', step.fields.length, ...pairs)).toBe(':1\r\n')
      const made = hash()
      this.hashes.set(key, made)
      for (const field of step.fields) {
        made.set(field, { value: `v${serial}`, at: step.keep ? (made.get(field)?.at ?? 0) : 0 })
      }
    } else if (step.what === 'expire') {
      const at = this.now + step.ms
      const outcomes = step.fields.map((field) => {
        const held = hash().get(field)
        if (held === undefined) return -2
        const met = {
          '': true,
          NX: held.at === 0,
          XX: held.at !== 0,
          GT: held.at !== 0 && at > held.at,
          LT: held.at === 0 || at < held.at,
        }[step.when]
        if (!met) return 0
        if (step.ms > 0) held.at = at
        else this.drop(key, field)
        return step.ms > 0 ? 1 : 2
      })
      const options = step.when === '' ? [] : [step.when]
      const reply = runner.run(
        'HPEXPIRE',
        key,
        step.ms,
        ...options,
        'FIELDS',
        step.fields.length,
        ...step.fields,
      )
      expect(reply).toBe(`*${outcomes.length}\r\n${outcomes.map((n) => `:${n}\r\n`).join('')}`)
    } else if (step.what === 'persist') {
      runner.run('HPERSIST', key, 'FIELDS', step.fields.length, ...step.fields)
      for (const field of step.fields) {
        const held = hash().get(field)
        if (held !== undefined && !this.due(held)) held.at = 0
      }
    } else if (step.what === 'get') {
      const held = this.look(key, step.field)
      expect(runner.run('HGET', key, step.field)).toBe(
        held === undefined ? '$-1\r\n' : `$${held.value.length}\r\n${held.value}\r\n`,
      )
    } else if (step.what === 'count') {
      runner.run('DEL', key)
      runner.run('HSET', key, step.field, 1, 'other', 1)
      runner.run('HPEXPIRE', key, 30, 'FIELDS', 1, step.field)
      expect(runner.run('HINCRBY', key, step.field, serial)).toBe(`:${serial + 1}\r\n`)
      const value = String(serial + 1)
      this.hashes.set(
        key,
        new Map([
          [step.field, { value, at: this.now + 30 }],
          ['other', { value: '1', at: 0 }],
        ]),
      )
    } else if (step.what === 'delete') {
      runner.run('HDEL', key, ...step.fields)
      for (const field of step.fields) if (hash().has(field)) this.drop(key, field)
    } else if (step.what === 'draw') {
      runner.run('HRANDFIELD', key, 5)
      for (const field of [...hash().keys()]) this.look(key, field)
    } else if (this.hashes.has(key)) {
      const to = key === 'h' ? 'i' : 'h'
      runner.run(step.what.toUpperCase(), key, to, ...(step.what === 'copy' ? ['REPLACE'] : []))
      this.hashes.set(to, new Map([...hash()].map(([field, held]) => [field, { ...held }])))
      if (step.what === 'rename') this.hashes.delete(key)
    }
  }

  /** `count` of at most `limit` fields were removed: those due longest, of which there may be others with the same time. */
  sweep(count: number, limit: number): void {
    const due = [...this.hashes].flatMap(([key, hash]) =>
      [...hash].filter(([, held]) => this.due(held)).map(([field, held]) => ({ key, field, at: held.at })),
    )
    expect(count).toBe(Math.min(limit, due.length))
    for (const { key, field } of due) {
      if (this.runner.keyspace.fieldTimes.size >= 0 && !this.isHeld(key, field)) this.drop(key, field)
    }
  }

  private isHeld(key: string, field: string): boolean {
    const { databases, hashes, expiry } = this.runner.keyspace
    const name = Buffer.from(key)
    const handle = databases[0]!.find(name, 0, name.length)
    const wanted = Buffer.from(field)
    if (handle === 0) return false
    this.runner.keyspace.expiry = EXPIRE_IGNORE
    const has = hashes.get(handle, wanted, 0, wanted.length)
    this.runner.keyspace.expiry = expiry
    return has
  }

  check(): void {
    const { runner } = this
    const { keyspace } = runner
    const db = keyspace.databases[0]!
    let timed = 0
    let first = Number.POSITIVE_INFINITY
    for (const key of ['h', 'i']) {
      const hash = this.hashes.get(key)
      expect(runner.run('HLEN', key)).toBe(`:${hash?.size ?? 0}\r\n`)
      const name = Buffer.from(key)
      const handle = db.find(name, 0, name.length)
      expect(handle !== 0).toBe(hash !== undefined)
      if (hash === undefined) continue
      const held: string[] = []
      keyspace.hashes.forEach(handle, () => {
        const { field, value, expiry } = keyspace.hashes
        held.push(`${field.text()} ${value.text()} ${Math.max(0, expiry)}`)
      })
      expect(held.sort()).toEqual([...hash].map(([field, { value, at }]) => `${field} ${value} ${at}`).sort())
      const times = [...hash.values()].map(({ at }) => at).filter((at) => at !== 0)
      if (times.length > 0) timed++
      first = Math.min(first, ...times)
      const shown = [...hash.values()].filter((one) => !this.due(one)).length
      expect(runner.run('HKEYS', key).startsWith(`*${shown}\r\n`)).toBe(true)
    }
    const timer = keyspace.fieldTimes.first(db)
    expect(keyspace.fieldTimes.count(db)).toBe(timed)
    expect(timer === 0 ? Number.POSITIVE_INFINITY : keyspace.fieldTimes.timeOf(timer)).toBe(first)
  }
}
