/**
 * Names of the files of a multi-part append-only file. With `appendfilename appendonly.aof`, in `appenddirname`:
 *
 *   appendonly.aof.manifest            which files count, in which order
 *   appendonly.aof.<seq>.base.rdb      the data at the last rewrite (or .base.aof, as commands)
 *   appendonly.aof.<seq>.incr.aof      the commands since; several while or after a rewrite
 *   temp-…                             not finished; of no meaning after a crash
 */

export function manifestName(appendFileName: string): string {
  return `${appendFileName}.manifest`
}

export function tempManifestName(appendFileName: string): string {
  return `temp-${appendFileName}.manifest`
}

export function baseName(appendFileName: string, seq: number, rdb: boolean): string {
  return `${appendFileName}.${seq}.base.${rdb ? 'rdb' : 'aof'}`
}

export function incrName(appendFileName: string, seq: number): string {
  return `${appendFileName}.${seq}.incr.aof`
}

/** Where writes go while append-only mode is being switched on and the first base is not there yet. */
export function tempIncrName(appendFileName: string): string {
  return `temp-${appendFileName}.incr`
}

/** The new base while it is written. */
export function tempRewriteName(tag: string): string {
  return `temp-rewriteaof-bg-${tag}.aof`
}

/** Whether a file in the append-only directory is what a process that was killed has not finished. */
export function isUnfinished(appendFileName: string, name: string): boolean {
  return /^temp-rewriteaof-(bg-)?[^/]*\.aof$/.test(name) || name.startsWith(`temp-${appendFileName}.`)
}
