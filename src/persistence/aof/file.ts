/**
 * One file of an append-only file, of whatever kind: commands, an RDB base, or (before 7.0) an RDB preamble with
 * commands behind it. The first five bytes tell.
 */

import { RdbReader, type RdbReaderOptions, type RdbVisitor } from '../rdb/reader.js'
import { type AofProblem, AofReader, type AofVisitor, startsAsRdb } from './reader.js'

const MAGIC_BYTES = 5

export class AofFileReader {
  /** Set when the file is, or begins with, an RDB file. */
  rdb: RdbReader | undefined
  /** The commands; begins after the RDB part when there is one. */
  aof: AofReader
  private readonly visitor: AofVisitor
  private readonly rdbVisitor: RdbVisitor
  private readonly rdbOptions: RdbReaderOptions
  private readonly fileName: string
  private kind: 'unknown' | 'rdb' | 'commands' = 'unknown'
  private readonly first = new Uint8Array(MAGIC_BYTES)
  private firstBytes = 0

  constructor(
    visitor: AofVisitor,
    rdbVisitor: RdbVisitor,
    fileName: string,
    rdbOptions: RdbReaderOptions = {},
  ) {
    this.visitor = visitor
    this.rdbVisitor = rdbVisitor
    this.rdbOptions = rdbOptions
    this.fileName = fileName
    this.aof = new AofReader(visitor, fileName)
  }

  /** Takes the piece `buf[start, end)`. False when the reading is over. */
  feed(buf: Uint8Array, start: number, end: number): boolean {
    let at = start
    if (this.kind === 'unknown') {
      while (this.firstBytes < MAGIC_BYTES && at < end) this.first[this.firstBytes++] = buf[at++]!
      if (this.firstBytes < MAGIC_BYTES) return true
      if (!this.decide()) return false
    }
    if (this.kind === 'rdb' && this.rdb !== undefined) {
      at = this.rdb.feed(buf, at, end)
      if (this.rdb.state === 'failed') return false
      if (this.rdb.state !== 'done') return true
      this.kind = 'commands'
      this.aof = new AofReader(this.visitor, this.fileName, this.rdb.offset)
    }
    return this.aof.feed(buf, at, end)
  }

  /** The file is over. Nothing, or what is wrong; only a problem of kind 'truncated' may be mended by cutting. */
  end(): AofProblem | undefined {
    if (this.kind === 'unknown' && this.firstBytes > 0) this.decide()
    if (this.kind === 'rdb' && this.rdb !== undefined) {
      const problem = this.rdb.end()
      if (problem !== undefined) return { kind: 'format', text: problem.text, offset: problem.offset }
    }
    return this.aof.end()
  }

  private decide(): boolean {
    const { first } = this
    if (!startsAsRdb(first, 0, this.firstBytes)) {
      this.kind = 'commands'
      return this.aof.feed(first, 0, this.firstBytes)
    }
    this.kind = 'rdb'
    this.rdb = new RdbReader(this.rdbVisitor, this.rdbOptions)
    this.rdb.feed(first, 0, MAGIC_BYTES)
    return true
  }
}
