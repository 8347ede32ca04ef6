/**
 * The snapshot for replicas that need all of it. Streamed, it goes to their connections while it is made, no faster than
 * the slowest of them takes it; as a file (repl-diskless-sync no, or a replica too old for an end mark) it is written
 * first and then sent.
 */

import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { RdbTarget } from '../../persistence/snapshot.js'
import type { Effect } from '../../replication/effects.js'
import { fileSent, snapshotChunk, snapshotDone } from '../../replication/snapshot.js'
import type { Client } from '../client.js'
import { BlockFile } from '../persistence/files.js'
import type { Persistence } from '../persistence/index.js'
import { accessClock } from '../persistence/rdb.js'
import type { SnapshotJob } from '../persistence/runner.js'
import type { ReplicationPart } from './part.js'

/** With so much to send to one replica the snapshot waits. */
const LINK_AHEAD_BYTES_MAX = 1024 * 1024
/** How often a snapshot that waits looks whether it may go on. */
const LOOK_AGAIN_ms = 2

type Start = Extract<Effect, { kind: 'startSnapshot' }>

interface SyncFile {
  readonly path: string
  readers: number
  done: boolean
}

export class FullSync {
  private readonly part: ReplicationPart
  private readonly persistence: Persistence
  private job: SnapshotJob | null = null
  private jobId = 0
  private readonly files = new Map<number, SyncFile>()
  private waiting: NodeJS.Timeout | null = null

  constructor(part: ReplicationPart, persistence: Persistence) {
    this.part = part
    this.persistence = persistence
  }

  /** Takes the snapshot of this moment. */
  start(effect: Start): void {
    const { runner } = this.persistence
    if (runner.kind !== null) {
      this.part.later((r, turn) => snapshotDone(r, effect.id, { ok: false }, turn))
      return
    }
    this.jobId = effect.id
    if (effect.target === 'socket') this.startStreamed(effect)
    else this.startFile(effect)
  }

  /** Nobody waits for it any more. */
  cancel(id: number): void {
    if (this.job !== null && this.jobId === id)
      this.persistence.runner.abort('no replica waits for it', this.job)
  }

  private startStreamed(effect: Start): void {
    const { part, persistence } = this
    const { id } = effect
    const writer = persistence.syncWriter((block) =>
      part.now((r, turn) => snapshotChunk(r, id, block, 0, block.length, turn)),
    )
    const end = (ok: boolean): void => {
      this.job = null
      part.later((r, turn) => snapshotDone(r, id, ok ? { ok, size: 0 } : { ok }, turn))
    }
    const target = new RdbTarget(writer, accessClock(persistence.circle))
    if (effect.excludeData) {
      // Nothing to walk through; but what stands before the snapshot has to be said first.
      part.later(() => {
        target.finish()
        end(true)
      })
      return
    }
    this.job = {
      kind: 'sync',
      target,
      behind: () => this.streamIsBehind(),
      walked: () => end(true),
      aborted: () => end(false),
    }
    persistence.runner.start(this.job)
  }

  private streamIsBehind(): boolean {
    const { part } = this
    for (const link of part.r.replicas) {
      if (link.state !== 'waitEnd') continue
      const client = part.node.clients.get(link.id)
      if (client !== undefined && unsentBytes(client) > LINK_AHEAD_BYTES_MAX) {
        this.lookAgain()
        return true
      }
    }
    return false
  }

  private lookAgain(): void {
    this.waiting ??= setTimeout(() => {
      this.waiting = null
      if (this.job !== null && !this.job.behind()) this.persistence.runner.resume(this.job)
    }, LOOK_AGAIN_ms)
  }

  private startFile(effect: Start): void {
    const { part, persistence } = this
    const { circle, runner } = persistence
    const { id } = effect
    const path = join(
      circle.config.values.dir,
      `temp-sync-${process.pid}-${part.node.runId.slice(0, 8)}-${id}.rdb`,
    )
    const failed = (): void => {
      this.job = null
      part.later((r, turn) => snapshotDone(r, id, { ok: false }, turn))
    }
    let file: BlockFile
    try {
      file = new BlockFile(circle.disk, path, () => {
        if (file.error !== null) runner.abort('the file cannot be written', job)
        else runner.resume(job)
      })
    } catch (error) {
      part.node.log('warning', `Failed opening the temp RDB file ${path} for saving: ${String(error)}`)
      failed()
      return
    }
    const writer = persistence.syncWriter((block) => file.write(block))
    const job: SnapshotJob = {
      kind: 'sync',
      target: new RdbTarget(writer, accessClock(circle)),
      behind: () => file.behind,
      walked: () =>
        file.finish((error) => {
          this.job = null
          if (error !== null) {
            failed()
            return
          }
          this.files.set(id, { path, readers: 0, done: false })
          part.later((r, turn) => snapshotDone(r, id, { ok: true, size: file.bytes }, turn))
          part.later(() => this.fileDone(id))
        }),
      aborted: () => {
        file.discard()
        failed()
      },
    }
    this.job = job
    runner.start(job)
  }

  /** Sends the file to one replica, then tells that the stream may follow. */
  send(client: Client, id: number): void {
    const file = this.files.get(id)
    if (file === undefined) return
    const { part } = this
    const { node } = part
    file.readers++
    const stream = createReadStream(file.path, { highWaterMark: 256 * 1024 })
    const ended = (): void => {
      file.readers--
      this.removeFile(id)
    }
    stream.on('data', (chunk) => {
      if (client.gone || typeof chunk === 'string') {
        stream.destroy()
        return
      }
      node.turn.outOf(client).raw(chunk)
      if (unsentBytes(client) > LINK_AHEAD_BYTES_MAX) this.holdBack(client, stream)
    })
    stream.on('end', () => part.later((r, turn) => fileSent(r, client.id, turn)))
    stream.on('error', (error) => {
      node.log('warning', `Read error sending DB to replica: ${error.message}`)
      node.close(client)
    })
    stream.on('close', ended)
  }

  private holdBack(client: Client, stream: { pause(): void; resume(): void; destroy(): void }): void {
    stream.pause()
    const look = (): void => {
      if (client.gone) stream.destroy()
      else if (unsentBytes(client) > LINK_AHEAD_BYTES_MAX) setTimeout(look, LOOK_AGAIN_ms)
      else stream.resume()
    }
    setTimeout(look, LOOK_AGAIN_ms)
  }

  /** Whoever needs the file reads it by now. */
  private fileDone(id: number): void {
    const file = this.files.get(id)
    if (file === undefined) return
    file.done = true
    this.removeFile(id)
  }

  private removeFile(id: number): void {
    const file = this.files.get(id)
    if (file === undefined || file.readers > 0 || !file.done) return
    this.files.delete(id)
    this.persistence.circle.disk.unlinkSoon(file.path)
  }

  stop(): void {
    if (this.waiting !== null) clearTimeout(this.waiting)
    for (const [id, file] of this.files) {
      file.readers = 0
      file.done = true
      this.removeFile(id)
    }
  }
}

/** Bytes that were written for this client and that the system has not taken. */
export function unsentBytes(client: Client): number {
  const { out, link } = client
  return (link?.pendingBytes ?? 0) + (out === null ? 0 : out.length - client.sent)
}
