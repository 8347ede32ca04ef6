/** From what the nodes say to what there is. */

import { describe, expect, test } from 'vitest'
import { type NodeLine, parseNodes } from '../trib/nodes.js'
import { infoFields } from './inspect.js'
import { ownLines, shapeOf, shardsOf } from './shape.js'
import { describeNode } from './status.js'

const A = 'a'.repeat(40)
const B = 'b'.repeat(40)
const lines = (text: string): NodeLine[] => parseNodes(text) ?? []
const alone = (id: string, slots = '') => lines(`${id} :7000@17000 myself,master - 0 0 0 connected${slots}`)
/** A master and its replica, as each of them sees both; B has just been told to replicate, A has not heard of it. */
const seenByA = lines(
  `${A} 127.0.0.1:7000@17000 myself,master - 0 0 1 connected 0-16383\n` +
    `${B} 127.0.0.1:7001@17001 master - 0 0 2 connected`,
)
const seenByB = lines(
  `${A} 127.0.0.1:7000@17000 master - 0 0 1 connected 0-16383\n` +
    `${B} 127.0.0.1:7001@17001 myself,slave ${A} 0 0 1 connected`,
)

describe('shape', () => {
  test('empty, whole, partial', () => {
    expect(shapeOf([alone(A), alone(B)])).toBe('empty')
    expect(shapeOf([seenByA, seenByB])).toBe('whole')
    expect(shapeOf([seenByA, alone(B)])).toBe('partial')
    expect(shapeOf([alone(A, ' 0-5'), alone(B)])).toBe('partial')
    const shaking = lines(`${A} :1@2 myself,master - 0 0 0 connected\n${B} :3@4 handshake - 0 0 0 connected`)
    expect(shapeOf([shaking, seenByB])).toBe('partial')
  })

  test('the slot map believes each node about itself', () => {
    const plans = [7000, 7001].map((port) => ({ host: '127.0.0.1', port }))
    const own = ownLines(plans, [seenByA, seenByB])
    expect(shardsOf(own)).toEqual([
      { master: '127.0.0.1:7000', slots: [{ first: 0, last: 16383 }], replicas: ['127.0.0.1:7001'] },
    ])
  })
})

describe('status of one node', () => {
  test('a master', () => {
    const info = infoFields(
      '# Server\r\nused_memory:2048\r\nmaster_repl_offset:70\r\ndb0:keys=12,expires=0\r\n',
    )
    expect(describeNode(seenByA, info, 'ok')).toEqual({
      id: A,
      role: 'master',
      slots: [{ first: 0, last: 16383 }],
      keys: 12,
      memory_bytes: 2048,
      offset_bytes: 70,
      cluster: 'ok',
    })
  })

  test('a replica', () => {
    const info = infoFields('master_link_status:down\r\nslave_repl_offset:30\r\nmaster_repl_offset:70\r\n')
    expect(describeNode(seenByB, info, 'fail')).toEqual({
      id: B,
      role: 'replica',
      slots: [],
      replicaOf: '127.0.0.1:7000',
      link: 'down',
      keys: 0,
      offset_bytes: 30,
      cluster: 'fail',
    })
  })
})
