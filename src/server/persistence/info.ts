/** INFO's section Persistence, with Redis's names in Redis's order. */

import type { Persistence } from './index.js'

const okOr = (ok: boolean) => (ok ? 'ok' : 'err')
const flag = (set: boolean) => (set ? 1 : 0)

/** `loading`: from the disk, or from a master; `beside`: from a master, beside the old dataset. */
export function infoLines(p: Persistence, loading: boolean, beside: boolean): [string, string | number][] {
  const { rdb, aof, rewriter, loaded, runner } = p
  const lines: [string, string | number][] = [
    ['loading', flag(loading)],
    ['async_loading', flag(beside && !loading)],
    // Nothing is copied on write here: a snapshot walks the data itself.
    ['current_cow_peak', 0],
    ['current_cow_size', 0],
    ['current_cow_size_age', 0],
    ['current_fork_perc', share(runner.keysProcessed, runner.keysTotal)],
    ['current_save_keys_processed', runner.keysProcessed],
    ['current_save_keys_total', runner.keysTotal],
    ['rdb_changes_since_last_save', p.circle.dirty()],
    // A full synchronisation is one, too.
    ['rdb_bgsave_in_progress', flag(rdb.running || runner.kind === 'sync')],
    ['rdb_last_save_time', rdb.lastSave_s],
    ['rdb_last_bgsave_status', okOr(rdb.lastOk)],
    ['rdb_last_bgsave_time_sec', rdb.lastTook_s],
    ['rdb_current_bgsave_time_sec', rdb.took_s],
    ['rdb_saves', rdb.saves],
    ['rdb_last_cow_size', 0],
    ['rdb_last_load_keys_expired', loaded.keysExpired],
    ['rdb_last_load_keys_loaded', loaded.keysLoaded],
    ['aof_enabled', flag(aof.state !== 'off')],
    ['aof_rewrite_in_progress', flag(rewriter.running)],
    ['aof_rewrite_scheduled', flag(rewriter.scheduled)],
    ['aof_last_rewrite_time_sec', rewriter.lastTook_s],
    ['aof_current_rewrite_time_sec', rewriter.took_s],
    ['aof_last_bgrewrite_status', okOr(rewriter.lastOk)],
    ['aof_rewrites', rewriter.rewrites],
    ['aof_rewrites_consecutive_failures', rewriter.failuresInARow],
    ['aof_last_write_status', okOr(aof.writeOk)],
    ['aof_last_cow_size', 0],
    ['module_fork_in_progress', 0],
    ['module_fork_last_cow_size', 0],
  ]
  if (aof.state !== 'off') {
    lines.push(
      ['aof_current_size', aof.currentSize],
      ['aof_base_size', aof.baseSize],
      ['aof_pending_rewrite', flag(rewriter.scheduled)],
      ['aof_buffer_length', aof.bufferLength],
      ['aof_pending_bio_fsync', aof.pendingSyncs],
      ['aof_delayed_fsync', aof.delayedSyncs],
    )
  }
  if (loaded.loading) {
    const elapsed_s = Math.max(1, p.circle.now_s() - loaded.startedAt_s)
    const left = loaded.total_bytes - loaded.loaded_bytes
    lines.push(
      ['loading_start_time', loaded.startedAt_s],
      ['loading_total_bytes', loaded.total_bytes],
      ['loading_rdb_used_mem', 0],
      ['loading_loaded_bytes', loaded.loaded_bytes],
      ['loading_loaded_perc', share(loaded.loaded_bytes, loaded.total_bytes)],
      ['loading_eta_seconds', Math.floor((elapsed_s * left) / (loaded.loaded_bytes + 1))],
    )
  }
  return lines
}

function share(part: number, whole: number): string {
  return (whole === 0 ? 0 : (part / whole) * 100).toFixed(2)
}
