/** ACL LOG: what was denied lately, the newest first; the same again within a minute counts up. */

const MERGE_WITHIN_MS = 60_000
const MERGE_LOOKS_MAX = 10

export interface LogEntry {
  readonly id: number
  count: number
  readonly reason: 'command' | 'key' | 'channel' | 'auth'
  readonly context: 'toplevel' | 'multi' | 'lua'
  readonly object: string
  readonly user: string
  readonly createdAt_ms: number
  updatedAt_ms: number
  clientInfo: string
}

export class AclLog {
  private entries: LogEntry[] = []
  private nextId = 0

  add(entry: Omit<LogEntry, 'id' | 'count' | 'updatedAt_ms'>, limit: number): void {
    const now_ms = entry.createdAt_ms
    const at = this.entries
      .slice(0, MERGE_LOOKS_MAX)
      .findIndex(
        (old) =>
          old.reason === entry.reason &&
          old.context === entry.context &&
          old.object === entry.object &&
          old.user === entry.user &&
          now_ms - old.updatedAt_ms <= MERGE_WITHIN_MS,
      )
    if (at >= 0) {
      const [old] = this.entries.splice(at, 1)
      old!.count++
      old!.updatedAt_ms = now_ms
      old!.clientInfo = entry.clientInfo
      this.entries.unshift(old!)
      return
    }
    this.entries.unshift({ ...entry, id: this.nextId++, count: 1, updatedAt_ms: now_ms })
    if (this.entries.length > limit) this.entries.length = limit
  }

  newest(count: number): readonly LogEntry[] {
    return this.entries.slice(0, Math.max(count, 0))
  }

  reset(): void {
    this.entries = []
  }
}
