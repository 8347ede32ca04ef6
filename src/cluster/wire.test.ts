import { readdirSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Packet } from './wire.js'
import * as wire from './wire.js'
import { createTextCache, decodePacket } from './wire-decode.js'
import { createFrameBuffer, encodePacket, encodePacketInto } from './wire-encode.js'
import { createFramer, feedFramer } from './wire-frame.js'

const fixtures = new URL('./fixtures/', import.meta.url)
const golden = readdirSync(fixtures).filter((file) => file.endsWith('.bin'))
const read = (file: string) => new Uint8Array(readFileSync(new URL(file, fixtures)))
const name = (digit: string) => digit.repeat(40)

function decoded(bytes: Uint8Array): Packet {
  const result = decodePacket(bytes)
  if (!result.ok) throw new Error(result.reason)
  return result.packet
}

describe('packets captured from redis-server 7.0.15', () => {
  test.each(golden)('%s is decoded and encoded again without a difference', (file) => {
    const bytes = read(file)
    expect(Buffer.from(encodePacket(decoded(bytes))).equals(bytes)).toBe(true)
  })

  test('every type of message is among them, except MODULE', () => {
    const types = new Set(golden.map((file) => decoded(read(file)).type))
    expect([...types].sort((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 10])
  })

  test('what they say', () => {
    const publish = decoded(read('publish.bin')) as wire.PublishPacket
    expect(Buffer.from(publish.channel).toString()).toBe('news')
    expect(Buffer.from(publish.message).toString()).toBe('hello')
    const hostname = decoded(read('ping-hostname.bin')) as wire.PingPacket
    expect(hostname.extensions).toEqual([{ type: wire.EXT_HOSTNAME, text: 'node-one.example' }])
    expect(hostname.gossip).toHaveLength(3)
    expect(hostname.gossip.every((entry) => entry.ip === '127.0.0.1')).toBe(true)
    expect(decoded(read('ping-paused.bin')).mflags).toBe(wire.MFLAG_PAUSED)
    const request = decoded(read('auth-request.bin'))
    expect([request.mflags, request.master.length, request.currentEpoch]).toEqual([2, 40, 7n])
    const update = decoded(read('update.bin')) as wire.UpdatePacket
    expect([update.about.length, update.aboutEpoch]).toEqual([40, 7n])
  })
})

const header = (over: Partial<wire.Header> = {}): wire.Header => ({
  sender: name('a'),
  port: 7000,
  otherPort: 0,
  busPort: 17000,
  ip: '',
  flags: 17,
  master: '',
  slots: new Uint8Array(2048),
  currentEpoch: 1n,
  configEpoch: 1n,
  offset_bytes: 0,
  state: 0,
  mflags: 0,
  ...over,
})

const arbitraryName = fc
  .array(fc.constantFrom(...'0123456789abcdef'), { minLength: 40, maxLength: 40 })
  .map((digits) => digits.join(''))
const text = (max: number) =>
  fc.array(fc.constantFrom(...'abc.:-09'), { minLength: 1, maxLength: max }).map((parts) => parts.join(''))
const u16 = fc.integer({ min: 0, max: 0xffff })
const u32 = fc.integer({ min: 0, max: 0xffff_ffff })
const u64 = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const slots = fc.uint8Array({ minLength: 2048, maxLength: 2048 })
const epoch = fc.oneof(fc.bigInt(0n, 9n), fc.bigInt(0n, (1n << 64n) - 1n))
const anyHeader = fc.record({
  sender: arbitraryName,
  port: u16,
  otherPort: u16,
  busPort: u16,
  ip: fc.oneof(fc.constant(''), text(45)),
  flags: u16,
  master: fc.oneof(fc.constant(''), arbitraryName),
  slots,
  currentEpoch: epoch,
  configEpoch: epoch,
  offset_bytes: u64,
  state: fc.integer({ min: 0, max: 1 }),
  mflags: fc.constant(wire.MFLAG_EXTENSIONS),
})
const anyGossip = fc.record({
  name: arbitraryName,
  pingSent_s: u32,
  pongReceived_s: u32,
  ip: text(45),
  port: u16,
  busPort: u16,
  flags: u16,
  otherPort: u16,
})
const anyExtension = fc.oneof(
  fc.record({ type: fc.constant(wire.EXT_HOSTNAME), text: text(255) }),
  fc.record({
    type: fc.constantFrom(wire.EXT_HUMAN_NODENAME, wire.EXT_CLIENT_IPV4, wire.EXT_CLIENT_IPV6),
    text: text(20),
  }),
  fc.record({ type: fc.constant(wire.EXT_FORGOTTEN_NODE), name: arbitraryName, ttl_s: u64 }),
  fc.record({ type: fc.constant(wire.EXT_SHARD_ID), shardId: arbitraryName }),
) as fc.Arbitrary<wire.Extension>
const bytes = fc.uint8Array({ maxLength: 300 })
const anyBody = fc.oneof(
  fc.record({
    type: fc.constantFrom(wire.PING, wire.PONG, wire.MEET),
    gossip: fc.array(anyGossip, { maxLength: 5 }),
    extensions: fc.array(anyExtension, { maxLength: 4 }),
  }),
  fc.record({ type: fc.constant(wire.FAIL), about: arbitraryName }),
  fc.record({ type: fc.constantFrom(wire.PUBLISH, wire.PUBLISHSHARD), channel: bytes, message: bytes }),
  fc.record({
    type: fc.constant(wire.UPDATE),
    about: arbitraryName,
    aboutEpoch: epoch,
    aboutSlots: slots,
  }),
  fc.record({ type: fc.constantFrom(wire.AUTH_REQUEST, wire.AUTH_ACK, wire.MFSTART) }),
  fc.record({
    type: fc.constant(wire.MODULE),
    moduleId: fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    moduleType: fc.integer({ min: 0, max: 255 }),
    payload: bytes,
  }),
)
const anyPacket = fc.tuple(anyHeader, anyBody).map(([head, body]) => ({ ...head, ...body }) as Packet)

test('any packet survives encoding and decoding', () => {
  fc.assert(
    fc.property(anyPacket, (packet) => {
      expect(decoded(encodePacket(packet))).toEqual(packet)
    }),
    { numRuns: 200 },
  )
})

test('a buffer and a cache that were used before change nothing', () => {
  const texts = createTextCache()
  const buffer = createFrameBuffer(8 * 1024 * 1024)
  fc.assert(
    fc.property(anyPacket, fc.boolean(), (packet, dirty) => {
      if (dirty) buffer.bytes.fill(0xee, 0, 64 * 1024)
      const frame = buffer.bytes.slice(0, encodePacketInto(packet, buffer))
      expect(Buffer.from(frame).equals(encodePacket(packet))).toBe(true)
      for (let i = 0; i < 2; i++) {
        const result = decodePacket(frame, texts)
        expect(result).toEqual({ ok: true, packet })
      }
    }),
    { numRuns: 200 },
  )
})

test('the cache tells apart names that differ in one place', () => {
  const texts = createTextCache()
  const [packet] = fc.sample(anyPacket, { numRuns: 1, seed: 1 })
  for (let i = 0; i < 5000; i++) {
    const sender = i.toString(16).padStart(40, 'a')
    const result = decodePacket(encodePacket({ ...packet!, sender }), texts)
    expect(result.ok && result.packet.sender).toBe(sender)
  }
})

test('a damaged packet is answered with a packet or a reason, and nothing beyond it is read', () => {
  const damage = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), {
    minLength: 1,
    maxLength: 6,
  })
  fc.assert(
    fc.property(anyPacket, damage, fc.nat(400), (packet, changes, cut) => {
      const whole = encodePacket(packet)
      // Lengths and counts are where decoders break: half of the changes go there.
      const spots = [4, 5, 6, 7, 12, 13, 14, 15, 2214, 2215, 2253, 2256, 2257, 2258, 2259, 2260, 2261]
      for (const [place, value] of changes) {
        whole[place % 2 === 0 ? spots[place % spots.length]! : place % whole.length] = value
      }
      const padded = new Uint8Array(whole.length + 64).fill(0xee)
      padded.set(whole)
      const frame = padded.subarray(0, Math.max(0, whole.length - (cut > 200 ? cut : 0)))
      const result = decodePacket(frame)
      if (!result.ok) expect(result.reason).not.toBe('')
    }),
    { numRuns: 2000 },
  )
})

test('any bytes at all are answered with a reason', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 3000 }), (junk) => {
      expect(decodePacket(junk).ok).toBe(false)
    }),
  )
})

test('epochs are u64; offsets and times to live end at 2^53 - 1', () => {
  const top = (1n << 64n) - 1n
  const body = {
    type: wire.UPDATE,
    about: name('b'),
    aboutEpoch: top,
    aboutSlots: new Uint8Array(2048),
  } as const
  const frame = encodePacket({ ...header({ currentEpoch: top, configEpoch: (1n << 53n) + 1n }), ...body })
  frame.fill(0xff, 32, 40)
  const packet = decoded(frame) as wire.UpdatePacket
  expect([packet.currentEpoch, packet.configEpoch, packet.aboutEpoch]).toEqual([top, (1n << 53n) + 1n, top])
  expect(packet.offset_bytes).toBe(Number.MAX_SAFE_INTEGER)
  const extensions = [{ type: wire.EXT_FORGOTTEN_NODE, name: name('b'), ttl_s: 1 }] as const
  const ping = encodePacket({
    ...header({ mflags: wire.MFLAG_EXTENSIONS }),
    type: wire.PING,
    gossip: [],
    extensions,
  })
  ping.fill(0xff, ping.length - 8)
  expect((decoded(ping) as wire.PingPacket).extensions).toEqual([
    { ...extensions[0], ttl_s: Number.MAX_SAFE_INTEGER },
  ])
})

describe('framer', () => {
  const frames = () =>
    fc.array(
      anyPacket.map((packet) => encodePacket(packet)),
      { minLength: 1, maxLength: 5 },
    )

  test('finds the same frames however the stream is cut', () => {
    fc.assert(
      fc.property(
        frames(),
        fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 40 }),
        (list, cuts) => {
          const stream = Buffer.concat(list)
          const framer = createFramer()
          const found: Buffer[] = []
          for (let at = 0, i = 0; at < stream.length; i++) {
            const end = Math.min(stream.length, at + cuts[i % cuts.length]!)
            expect(
              feedFramer(framer, stream.subarray(at, end), (frame) => found.push(Buffer.from(frame)) > 0),
            ).toBeNull()
            at = end
          }
          expect(found.map((frame) => frame.toString('hex'))).toEqual(
            list.map((frame) => Buffer.from(frame).toString('hex')),
          )
          expect(framer.length).toBe(0)
        },
      ),
      { numRuns: 60 },
    )
  })

  test('closes on a bad signature, a length too short and a length too long', () => {
    const reason = 'Bad message length or signature received on the Cluster bus'
    const feed = (hex: string) => feedFramer(createFramer(1_000_000), Buffer.from(hex, 'hex'), () => true)
    expect(feed('52436d6100001000')).toBe(reason)
    expect(feed('52436d62000008cf')).toBe(reason)
    expect(feed('52436d62ffffffff')).toBe(reason)
    expect(feed('52436d62000008d0')).toBeNull()
  })

  test('keeps no more memory than has arrived', () => {
    const framer = createFramer()
    expect(feedFramer(framer, Buffer.from('52436d6210000000', 'hex'), () => true)).toBeNull()
    for (let i = 0; i < 100; i++) feedFramer(framer, new Uint8Array(100), () => true)
    expect(framer.buffer.length).toBeLessThan(40_000)
  })

  test('stops when the taker has enough', () => {
    const two = Buffer.concat([read('meet.bin'), read('meet.bin')])
    let count = 0
    feedFramer(createFramer(), two, () => {
      count++
      return false
    })
    expect(count).toBe(1)
  })
})
