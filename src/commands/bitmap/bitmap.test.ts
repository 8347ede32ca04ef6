import { describe, expect, test } from 'vitest'
import { Runner } from '../../../tests/support/runner.js'

describe('what redis-server 7.0 does not have, or does differently', () => {
  test('operations of Redis 8.2', () => {
    const runner = new Runner()
    runner.run('SET', 'x', Uint8Array.of(0b11110000, 0xff))
    runner.run('SET', 'y', Uint8Array.of(0b11001100))
    runner.run('SET', 'z', Uint8Array.of(0b10101010))
    const bytes = (operation: string, ...keys: string[]) => {
      expect(runner.run('BITOP', operation, 'to', ...keys)).toBe(':2\r\n')
      return [...runner.bytes('GET', 'to').subarray(4, 6)]
    }
    expect(bytes('DIFF', 'x', 'y', 'z')).toEqual([0b00010000, 0xff])
    expect(bytes('diff1', 'x', 'y', 'z')).toEqual([0b00001110, 0])
    expect(bytes('ANDOR', 'x', 'y', 'z')).toEqual([0b11100000, 0])
    expect(bytes('One', 'x', 'y', 'z')).toEqual([0b00010110, 0xff])
    expect(bytes('ONE', 'x')).toEqual([0b11110000, 0xff])
    expect(runner.say('BITOP diff to x')).toBe(
      '-ERR BITOP DIFF must be called with at least two source keys.',
    )
    expect(runner.say('BITOP not to x y')).toBe('-ERR BITOP NOT must be called with a single source key.')
  })

  test('a string that was made longer in vain goes out', () => {
    const runner = new Runner()
    const command = 'BITFIELD k OVERFLOW FAIL SET u8 8 256'
    expect(runner.say(command)).toBe('*1 $-1')
    expect(runner.propagated).toEqual([command])
    expect(runner.say(command)).toBe('*1 $-1')
    expect(runner.propagated).toBe(null)
    expect(runner.say('STRLEN k')).toBe(':2')
  })

  test('an integer becomes raw bytes, an expiry stays', () => {
    const runner = new Runner()
    runner.say('SET k 12 EX 100')
    expect(runner.say('OBJECT ENCODING k')).toBe('$3 int')
    expect(runner.say('SETBIT k 7 0')).toBe(':1')
    expect(runner.say('GET k')).toBe('$2 02')
    expect(runner.say('OBJECT ENCODING k')).toBe('$3 raw')
    expect(runner.say('TTL k')).toBe(':100')
    runner.say('BITOP OR k k')
    expect(runner.say('TTL k')).toBe(':-1')
  })

  test('the longest string allowed', () => {
    const runner = new Runner()
    runner.host.config.set('proto-max-bulk-len', 2 * 1024 * 1024)
    expect(runner.say('SETBIT k 16777216 1')).toBe('-ERR bit offset is not an integer or out of range')
    expect(runner.say('SETBIT k 16777215 1')).toBe(':0')
    expect(runner.say('STRLEN k')).toBe(':2097152')
    expect(runner.say('BITCOUNT k')).toBe(':1')
    expect(runner.say('BITPOS k 1')).toBe(':16777215')
  })
})
