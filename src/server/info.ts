/** INFO: each part of a node puts in the lines that it knows; the command puts them together in Redis's order. */

export type InfoLine = readonly [name: string, value: string | number]

const DEFAULT_ORDER = [
  'server',
  'clients',
  'memory',
  'persistence',
  'stats',
  'replication',
  'cpu',
  'modules',
  'errorstats',
  'cluster',
  'keyspace',
]
const MORE = ['commandstats', 'latencystats', 'sentinel']
const TITLES: Readonly<Record<string, string>> = { cpu: 'CPU' }

export class Info {
  private readonly sections = new Map<string, (() => readonly InfoLine[])[]>()

  /** Adds lines to a section (lower case); several parts may add to the same one. */
  section(name: string, lines: () => readonly InfoLine[]): void {
    const parts = this.sections.get(name)
    if (parts === undefined) this.sections.set(name, [lines])
    else parts.push(lines)
  }

  /** The text for the sections asked for: names, or `all`, `everything`, `default`; none means `default`. */
  text(asked: readonly string[]): string {
    const wanted = new Set<string>()
    for (const name of asked.length === 0 ? ['default'] : asked) {
      if (name === 'default') for (const section of DEFAULT_ORDER) wanted.add(section)
      else if (name === 'all' || name === 'everything') {
        for (const section of [...DEFAULT_ORDER, ...MORE]) wanted.add(section)
      } else wanted.add(name)
    }
    const order = [
      ...DEFAULT_ORDER.slice(0, 8),
      'commandstats',
      'errorstats',
      'latencystats',
      'cluster',
      'keyspace',
      'sentinel',
    ]
    const out: string[] = []
    for (const name of order) {
      if (!wanted.has(name)) continue
      const parts = this.sections.get(name)
      if (parts === undefined) continue
      const lines = parts.flatMap((part) => part()).map(([key, value]) => `${key}:${value}\r\n`)
      out.push(`# ${TITLES[name] ?? name[0]!.toUpperCase() + name.slice(1)}\r\n${lines.join('')}`)
    }
    return out.join('\r\n')
  }
}
