/** The slot map as a table. Pure. */

import type { Shard } from '../../launch/index.js'

/** Which slots are whose: a head and a line for each master. */
export function slotMapLines(shards: readonly Shard[]): string[] {
  const rows = shards.map(({ slots, master, replicas }) => [
    slots.map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`)).join(' '),
    master,
    replicas.join(' '),
  ])
  return tableLines([['slots', 'master', 'replicas'], ...rows])
}

/** Cells in columns. Columns named in `right` stand to the right. */
export function tableLines(
  rows: readonly (readonly string[])[],
  right: ReadonlySet<number> = new Set(),
): string[] {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  return rows.map((row) =>
    row
      .map((cell, i) => (right.has(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd(),
  )
}
