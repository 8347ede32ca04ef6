/**
 * Clients that wait for keys (BLPOP, XREAD BLOCK and their like). Every key that somebody waits for has a queue, in the
 * order in which they came. When such a key appears, or whoever changed it says that it may serve somebody, the queue is
 * noted; after the command under way (the whole EXEC, the whole script) the clients of the noted queues have their
 * commands carried out again, one after the other, as if they had just arrived: one that finds nothing waits on, at the
 * end of the queue. What they change may make other keys ready, and so on until no queue is noted any more. All this is
 * the order of Redis 7.2, which replies and replicas show.
 *
 * Where nobody waits, a write does not even look here: the keyspace tells of changes only while `watchers` is positive.
 * A queue remembers what type its key last had, so that of all changes only those count that make a key appear, go, or
 * become another type; what happens within a value (XADD to a stream that is there) comes through `Host.keyReady`.
 */

import { ByteMap } from '../bytes/byte-map.js'
import { keySlot } from '../bytes/crc16.js'
import type { Call } from '../commands/call.js'
import { WRITE } from '../commands/command.js'
import type { KeyWait } from '../commands/host.js'
import type { Entry } from '../commands/table.js'
import type { Database } from '../keyspace/database.js'
import { LIST, STREAM, ZSET } from '../keyspace/entries.js'
import type { Args } from '../resp/args.js'
import { encodeArgs, encodeCommand } from '../resp/encode.js'
import type { Reply } from '../resp/reply.js'
import { type Blocked, type Client, REPLY_SKIP } from './client.js'
import { dispatch, isSilent } from './dispatch.js'
import { commandFailed } from './failures.js'
import type { ServerNode } from './node.js'

/** How many classes `KeyWaits.classes` tells keys apart by; a power of two. */
const CLASSES = 256
/** The type of a key that is not there. */
const NOTHING = -1
/** Node's timers take no longer times; `Clients.cron` looks after those. */
const TIMER_MS_MAX = 0x7fffffff

/** Those who wait for one key. */
interface Queue {
  /** The number of the database: SWAPDB brings another one there. */
  readonly db: number
  readonly key: Uint8Array
  /** The places, first and last, and how many there are. */
  first: Place | null
  last: Place | null
  count: number
  /** What the key holds, as far as it was told. */
  type: number
  /** How many of the waits want to hear that the key is gone. */
  evenWithoutKey: number
  /** It stands among those that are to be served. */
  ready: boolean
}

/** A wait's place in a queue: whoever comes goes to the end, and may leave from anywhere. */
interface Place {
  readonly wait: Wait
  readonly queue: Queue
  previous: Place | null
  /** Still points on when the place has been left, for whoever is on the way through the queue. */
  next: Place | null
  left: boolean
}

/** The wait of one client. */
class Wait implements Blocked {
  readonly kind = 'keys'
  readonly client: Client
  readonly entry: Entry
  readonly bytes: Uint8Array
  readonly held_bytes: number
  readonly type: number
  readonly evenWithoutKey: boolean
  readonly deadline_ms: number
  readonly places: Place[] = []
  /** CLIENT REPLY wants no reply. */
  readonly silent: boolean
  timer: NodeJS.Timeout | null = null
  private readonly waits: KeyWaits

  constructor(
    waits: KeyWaits,
    client: Client,
    entry: Entry,
    wait: KeyWait,
    bytes: Uint8Array,
    deadline_ms: number,
  ) {
    this.waits = waits
    this.client = client
    this.entry = entry
    this.bytes = bytes
    this.held_bytes = bytes.length
    this.type = wait.type
    this.evenWithoutKey = wait.evenWithoutKey === true
    this.deadline_ms = deadline_ms
    this.silent = isSilent(client)
  }

  timeout(): void {
    this.waits.answer(this, (out) => out.nilArray())
  }

  fail(error: string): void {
    this.entry.failed++
    this.waits.answer(this, (out) => out.error(error))
    this.waits.node.countError(error)
  }

  cancel(): void {
    this.waits.remove(this)
  }
}

export class KeyWaits {
  readonly node: ServerNode
  /** How many keys somebody waits for, and for how many somebody wants to hear that they are gone. */
  keys = 0
  keysOnNoKey = 0
  private readonly byDb = new Map<number, ByteMap<Queue>>()
  private readonly all = new Set<Wait>()
  /** How many queues there are for keys of a class: most keys that change are of none, and need not be looked up. */
  private readonly classes = new Uint32Array(CLASSES)
  /** How many wait for a type. */
  private readonly byType = new Map<number, number>([
    [LIST, 0],
    [ZSET, 0],
    [STREAM, 0],
  ])
  /** Queues to be served, in the order in which their keys became ready. */
  private ready: Queue[] = []
  private serving = false
  /** The wait whose command is being carried out again. */
  private again: Wait | null = null
  private readonly serveLater = () => this.serve()

  constructor(node: ServerNode) {
    this.node = node
  }

  /** How many clients wait. */
  get count(): number {
    return this.all.size
  }

  /** Whether the client's command, for which it has waited, is being carried out again. */
  repeats(client: Client): boolean {
    return this.again !== null && this.again.client === client
  }

  /** The caller waits from now on; see Host.waitForKeys. */
  add(call: Call, args: Args, wanted: KeyWait): void {
    const { node, again } = this
    const client = call.caller as Client
    const entry = node.running!
    const rerun = again !== null && again.client === client
    let bytes: Uint8Array
    if (wanted.again !== undefined) bytes = encodeCommand(wanted.again)
    else if (rerun) bytes = again.bytes
    else bytes = args.rawEnd > 0 ? args.buf.slice(args.rawStart, args.rawEnd) : encodeArgs(args)
    const wait = new Wait(this, client, entry, wanted, bytes, rerun ? again.deadline_ms : wanted.deadline_ms)
    for (let i = 0; i < wanted.keys; i++) {
      const queue = this.queueOf(call.db, args.view(wanted.firstKey + i))
      if (queue.last?.wait === wait) continue // the same key again
      wait.places.push(join(queue, wait))
      if (wait.evenWithoutKey && queue.evenWithoutKey++ === 0) this.keysOnNoKey++
    }
    this.all.add(wait)
    this.byType.set(wait.type, this.byType.get(wait.type)! + 1)
    client.blocked = wait
    // It is counted when it is over.
    entry.calls--
    this.startTimer(wait)
    node.updateWatchers()
  }

  private queueOf(db: Database, key: Uint8Array): Queue {
    let queues = this.byDb.get(db.index)
    if (queues === undefined) {
      queues = new ByteMap(this.node.random32(), this.node.random32())
      this.byDb.set(db.index, queues)
    }
    let queue = queues.get(key)
    if (queue === undefined) {
      const type = typeOf(db, key, 0, key.length)
      queue = {
        db: db.index,
        key: key.slice(),
        first: null,
        last: null,
        count: 0,
        type,
        evenWithoutKey: 0,
        ready: false,
      }
      queues.set(key, queue)
      this.classes[classOf(key, 0, key.length)]!++
      this.keys++
    }
    return queue
  }

  /** The wait is over, or carried out again. */
  remove(wait: Wait): void {
    if (!this.all.delete(wait)) return
    if (wait.timer !== null) clearTimeout(wait.timer)
    this.byType.set(wait.type, this.byType.get(wait.type)! - 1)
    for (const place of wait.places) {
      const { queue } = place
      leave(place)
      if (wait.evenWithoutKey && --queue.evenWithoutKey === 0) this.keysOnNoKey--
      if (queue.count > 0) continue
      this.byDb.get(queue.db)!.delete(queue.key)
      this.classes[classOf(queue.key, 0, queue.key.length)]!--
      this.keys--
    }
    this.node.updateWatchers()
  }

  /** Replies to a client whose wait ends without its command being carried out again. */
  answer(wait: Wait, write: (out: Reply) => void): void {
    const { client, entry } = wait
    entry.calls++
    if (!wait.silent) write(this.node.turn.outOf(client))
  }

  private startTimer(wait: Wait): void {
    if (wait.deadline_ms === 0) return
    const left_ms = wait.deadline_ms - this.node.clock.now_ms()
    if (left_ms > TIMER_MS_MAX) return
    wait.timer = setTimeout(() => this.timeIsOver(wait), Math.max(0, left_ms))
    // Whoever waits does not keep a process alive.
    wait.timer.unref()
  }

  private timeIsOver(wait: Wait): void {
    const { node } = this
    if (wait.client.blocked !== wait || node.failed) return
    // Timers may come a moment too early.
    if (wait.deadline_ms > node.clock.now_ms()) {
      this.startTimer(wait)
      return
    }
    node.tick()
    node.clients.endWait(wait.client, wait)
  }

  // What makes keys ready.

  /** A key has changed. Called only while somebody waits. */
  changed(db: Database, key: Uint8Array, start: number, end: number): void {
    if (this.classes[classOf(key, start, end)] === 0) return
    const queue = this.byDb.get(db.index)?.get(key, start, end)
    if (queue !== undefined) this.look(queue, typeOf(db, key, start, end))
  }

  /** A key may serve somebody, though it was there before. */
  keyReady(db: Database, key: Uint8Array, start: number, end: number): void {
    const queue = this.byDb.get(db.index)?.get(key, start, end)
    if (queue === undefined) return
    queue.type = typeOf(db, key, start, end)
    this.note(queue)
  }

  /** All keys of `db`, or with null of all databases, are about to go. */
  flushed(db: Database | null): void {
    for (const [index, queues] of this.byDb) {
      if (db !== null && db.index !== index) continue
      for (const [, queue] of queues.entries()) this.look(queue, NOTHING)
    }
  }

  /** Databases `a` and `b` were exchanged. */
  swapped(a: number, b: number): void {
    for (const index of [a, b]) {
      const db = this.node.keyspace.databases[index]!
      for (const [key, queue] of this.byDb.get(index)?.entries() ?? []) {
        queue.type = NOTHING
        this.look(queue, typeOf(db, key, 0, key.length))
        if (queue.evenWithoutKey > 0) this.note(queue)
      }
    }
  }

  /**
   * The queue's key holds another type now. As in Redis a value that takes the place of another (ZUNIONSTORE) makes its key
   * ready only for those who want to hear that the old one is gone; RENAME, COPY and RESTORE say that it is ready.
   */
  private look(queue: Queue, type: number): void {
    const was = queue.type
    if (type === was) return
    queue.type = type
    if (queue.evenWithoutKey > 0 || (was === NOTHING && (this.byType.get(type) ?? 0) > 0)) this.note(queue)
  }

  private note(queue: Queue): void {
    if (queue.ready) return
    queue.ready = true
    this.ready.push(queue)
    const { node } = this
    node.afterCommand = this.serveLater
    if (node.running === null) node.turn.schedule()
  }

  /** Serves those whose keys are ready. Called after each command that has made one ready, and when a turn ends. */
  serve(): void {
    const { node } = this
    if (this.ready.length === 0 || this.serving || node.loading || node.running !== null) return
    this.serving = true
    // The command may have taken its time: what it has made may have expired since.
    node.tick()
    while (this.ready.length > 0) {
      const ready = this.ready
      this.ready = []
      for (const queue of ready) {
        queue.ready = false
        this.serveQueue(queue)
      }
    }
    this.serving = false
    node.afterCommand = null
  }

  private serveQueue(queue: Queue): void {
    const { keyspace, clientExpiry } = this.node
    // Those who find nothing go to the end of the queue: nobody gets two turns.
    let turns = queue.count
    for (let place = queue.first; place !== null && turns > 0; place = place.next) {
      if (place.left) continue
      turns--
      const { wait } = place
      keyspace.expiry = clientExpiry
      const type = typeOf(keyspace.databases[queue.db]!, queue.key, 0, queue.key.length)
      if (type === wait.type || wait.evenWithoutKey) this.carryOutAgain(wait)
      else if (type === NOTHING && queue.evenWithoutKey === 0) break // nothing is left for the others
    }
  }

  /** The client's command once more, as if it had just arrived. */
  private carryOutAgain(wait: Wait): void {
    const { node } = this
    const { client, bytes } = wait
    client.blocked = null
    this.remove(wait)
    if (client.closing || client.gone) return
    const parser = node.spareParser()
    parser.trusted = true
    parser.bulkBytesMax = Number.MAX_SAFE_INTEGER
    parser.parse(bytes, 0, bytes.length)
    this.again = wait
    // It is one command, however often it is tried: ASKING still counts for it, and so does CLIENT REPLY SKIP.
    client.commands--
    if (wait.silent) client.special |= REPLY_SKIP
    try {
      dispatch(node, client, parser.args)
    } catch (error) {
      commandFailed(node, client, error)
    }
    this.again = null
    node.giveBackParser(parser)
    if (client.gone) return
    if (client.paused) putBack(client, bytes)
    else if (client.blocked === null) node.resume(client)
  }

  /** The cluster has changed: who waits for keys of slots that are not served here any more hears where to go. */
  checkSlots(): void {
    const { cluster } = this.node
    if (cluster === null) return
    for (const wait of [...this.all]) {
      const { client, entry } = wait
      const { key } = wait.places[0]!.queue
      const error = cluster.blockedError(client, keySlot(key, 0, key.length), (entry.flags & WRITE) !== 0)
      if (error === null) continue
      wait.fail(error)
      this.node.unblock(client)
    }
  }
}

/** The wait takes the last place of the queue. */
function join(queue: Queue, wait: Wait): Place {
  const place: Place = { wait, queue, previous: queue.last, next: null, left: false }
  if (queue.last === null) queue.first = place
  else queue.last.next = place
  queue.last = place
  queue.count++
  return place
}

function leave(place: Place): void {
  const { queue, previous, next } = place
  if (previous === null) queue.first = next
  else previous.next = next
  if (next === null) queue.last = previous
  else next.previous = previous
  queue.count--
  place.left = true
}

/** What can be told of a key at a glance. */
function classOf(key: Uint8Array, start: number, end: number): number {
  const last = end > start ? key[end - 1]! : 0
  const middle = end > start ? key[(start + end) >>> 1]! : 0
  return ((end - start) * 37 + last * 5 + middle) & (CLASSES - 1)
}

/** The type of what a key holds, or NOTHING. */
function typeOf(db: Database, key: Uint8Array, start: number, end: number): number {
  const handle = db.peek(key, start, end)
  return handle === 0 || db.hasExpired(handle) ? NOTHING : db.entries.type(handle)
}

/** A pause holds the command back: it stands before what the client has sent since, and is read again with it. */
function putBack(client: Client, bytes: Uint8Array): void {
  const { pending, pendingFrom, pendingLength } = client
  const own = new Uint8Array(bytes.length + pendingLength)
  own.set(bytes)
  if (pending !== null) own.set(pending.subarray(pendingFrom, pendingFrom + pendingLength), bytes.length)
  client.pending = own
  client.pendingFrom = 0
  client.pendingLength = own.length
}
