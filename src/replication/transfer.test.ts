import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { uncappedText as latin1 } from '../bytes/ascii.js'
import { createTransfer, readTransfer, type TransferEvent } from './transfer.js'
import { ascii } from './wire.js'

function read(text: string, cuts: number[]): string {
  const t = createTransfer()
  const bytes = ascii(text)
  let out = ''
  let at = 0
  for (const cut of [...cuts.sort((a, b) => a - b), bytes.length]) {
    const end = Math.min(bytes.length, Math.max(at, cut))
    const events: TransferEvent[] = []
    const next = readTransfer(t, bytes.slice(0, end), at, end, events)
    for (const event of events) {
      if (event.kind === 'chunk') out += latin1(event.bytes, event.start, event.end)
      else if (event.kind === 'begin') out += `[${event.size}]`
      else if (event.kind === 'alive') out += '.'
      else if (event.kind === 'end') out += '[end]'
      else out += `[${event.kind} ${event.line}]`
    }
    if (t.ended) return `${out}${latin1(bytes, next, bytes.length)}`
    at = end
  }
  return out
}

const MARK = 'a1b2c3d4e5f6a7b8c9d0a1b2c3d4e5f6a7b8c9d0'

describe('the snapshot from the master', () => {
  const body = fc.string({ maxLength: 200 }).map((text) => text.replace(/[^\0-\xff]/g, '?'))
  const cuts = fc.array(fc.nat(300), { maxLength: 20 })

  test('of known length: the bytes, and then what follows is not its business', () => {
    fc.assert(
      fc.property(body, cuts, (text, at) => {
        expect(read(`\n\n$${text.length}\r\n${text}*1\r\n`, at)).toBe(`..[${text.length}]${text}[end]*1\r\n`)
      }),
    )
  })

  test('with an end mark: the bytes without it', () => {
    fc.assert(
      fc.property(body, cuts, (text, at) => {
        expect(read(`$EOF:${MARK}\r\n${text}${MARK}`, at)).toBe(`[-1]${text}[end]`)
      }),
    )
  })

  test('may be refused, or be no snapshot at all', () => {
    expect(read('-ERR no memory\r\n', [3])).toBe('[refused ERR no memory]')
    expect(read('+OK\r\n', [])).toBe('[malformed +OK]')
    expect(read('$EOF:short\r\n', [])).toBe('[malformed $EOF:short]')
    expect(read('$0\r\n*1\r\n', [2])).toBe('[0][end]*1\r\n')
    expect(read('x'.repeat(5000), [100, 900, 1300])).toMatch(/^\[malformed x+\]/)
  })
})
