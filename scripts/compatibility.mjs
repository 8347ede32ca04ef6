// Writes docs/compatibility.md: every command and every directive of Redis 7.2, and whether it is here. The facts come
// from the command table and the directive table themselves; redis-7.2-commands.json only tells what there could be.
// `--check` writes nothing and fails when the page is not what it would write.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { build } from 'esbuild'

const PAGE = 'docs/compatibility.md'

async function tables() {
  const folder = mkdtempSync(join(tmpdir(), 'shoal-tables-'))
  const outfile = join(folder, 'tables.mjs')
  try {
    await build({
      stdin: {
        contents: `
          export { COMMANDS } from './src/commands/index.js'
          export { serverCommands } from './src/server/commands/index.js'
          export { ALIASES, DEPRECATED, DIRECTIVE_NAMES, directiveOf } from './src/server/config/table.js'
          export { idleNotice, NEWER, NEWER_ALIASES } from './src/server/config/newer.js'
          export { statusOf } from './src/server/config/status.js'`,
        resolveDir: process.cwd(),
      },
      bundle: true,
      format: 'esm',
      platform: 'node',
      outfile,
      logLevel: 'error',
    })
    return await import(pathToFileURL(outfile).href)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const TITLES = {
  generic: 'Keys of any type',
  string: 'Strings',
  bitmap: 'Bitmaps',
  hash: 'Hashes',
  list: 'Lists',
  set: 'Sets',
  'sorted-set': 'Sorted sets',
  stream: 'Streams',
  geo: 'Geo',
  hyperloglog: 'HyperLogLog',
  pubsub: 'Publish and subscribe',
  transactions: 'Transactions',
  scripting: 'Scripts and functions',
  connection: 'Connections',
  server: 'Server',
  cluster: 'Cluster',
}

/** Names of commands that are here, in upper case, subcommands as `CONFIG GET`. */
function namesOf(commands) {
  return new Set(
    commands.flatMap((command) => [
      command.name,
      ...(command.subcommands ?? []).map((sub) => `${command.name} ${sub.name}`),
    ]),
  )
}

function commandPart(commands) {
  const known = JSON.parse(readFileSync('scripts/redis-7.2-commands.json', 'utf8'))
  const here = namesOf(commands)
  const count = known.filter(([name]) => here.has(name)).length
  const lines = [
    '## Commands',
    '',
    `${count} of ${known.length} commands and subcommands of Redis 7.2 are here.`,
    '',
  ]
  for (const [group, title] of Object.entries(TITLES)) {
    const all = known.filter(([, of]) => of === group)
    const present = all.filter(([name]) => here.has(name))
    const absent = all.filter(([name]) => !here.has(name))
    const list = (names) => names.map(([name]) => `\`${name}\``).join(', ')
    lines.push(`### ${title} (${present.length} of ${all.length})`, '')
    if (present.length > 0) lines.push(`Here: ${list(present)}.`, '')
    if (absent.length > 0) lines.push(`Not here: ${list(absent)}.`, '')
  }
  const newer = commands.filter(({ since }) => isNewer(since))
  const names = new Set(newer.map(({ name }) => name))
  lines.push(...newerPart(newer))
  const own = [...here].filter((name) => !names.has(name) && !known.some(([theirs]) => theirs === name))
  if (own.length > 0) lines.push('### Of Shoal only', '', own.map((name) => `\`${name}\``).join(', '), '')
  return lines
}

/** Commands that came after Redis 7.2. */
function isNewer(since) {
  const [major, minor] = since.split('.').map(Number)
  return major > 7 || (major === 7 && minor > 2)
}

function newerPart(commands) {
  const sorted = [...commands].sort((a, b) => (a.name < b.name ? -1 : 1))
  const list = sorted.map(({ name, since }) => `\`${name}\` (${since.replace(/\.0$/, '')})`)
  return [
    `### Newer than 7.2 (${commands.length})`,
    '',
    `Here: ${list.join(', ')}.`,
    '',
    "`DELIFEQ` is Valkey 9.0's; the versions of the others are those of Redis. `SET` knows `IFEQ`, `IFNE`, `IFDEQ` and `IFDNE`",
    '(8.4; Valkey has `IFEQ` too), `HSCAN` knows `NOVALUES` (7.4). What has met a condition goes to replicas and files as the',
    '`SET` or `DEL` that came of it, so that any version can follow.',
    '',
    'Fields of hashes expire as in Redis: who comes upon one whose time has come removes it, and others go in the background. Only',
    'a file or a dump with such fields asks for RDB version 12. Valkey 9 has the same commands, and differs: it removes such',
    'fields in the background alone and tells of them as `hexpired` where Redis says `hdel`, `HSETEX` takes `NX` and `XX` there,',
    'its errors have other words, and its files another form.',
    '',
  ]
}

function shownDefault(directive) {
  const { kind, initial } = directive
  if (kind === 'bool') return initial ? 'yes' : 'no'
  if (kind === 'some-of') return directive.choices[0]
  if (kind === 'special') return directive.show(initial) || '""'
  return initial === '' ? '""' : String(initial)
}

function directivePart({ ALIASES, DEPRECATED, DIRECTIVE_NAMES, NEWER, directiveOf, statusOf }) {
  const names = DIRECTIVE_NAMES.filter((name) => !Object.hasOwn(NEWER, name))
  const works = names.filter((name) => statusOf(name) === 'works').length
  const aliasOf = new Map([...ALIASES].map(([alias, name]) => [name, alias]))
  const rows = [...names].sort().map((name) => {
    const directive = directiveOf(name)
    const initial = name === 'dir' ? 'where it was started' : `\`${shownDefault(directive)}\``
    const set = directive.flags.includes('immutable') ? 'file only' : 'any time'
    const alias = aliasOf.get(name)
    return `| \`${name}\`${alias === undefined ? '' : `, \`${alias}\``} | ${initial} | ${set} | ${statusOf(name)} |`
  })
  return [
    '## Directives of redis.conf',
    '',
    `All ${names.length} directives of Redis 7.2 are read, checked, shown by CONFIG GET and kept by CONFIG REWRITE;`,
    `${works} of them **work**. The others are **accepted**: a redis.conf that names them starts a node, and their value`,
    'changes nothing. Older names (second in the first column) mean the same. Besides these a file may hold `include`,',
    '`rename-command`, `user` and `loadmodule` (modules themselves cannot be loaded), and of older versions, without any',
    `effect, ${DEPRECATED.map((name) => `\`${name}\``).join(', ')}.`,
    '',
    '| directive | default | may be set | status |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
  ]
}

/** Directives that came after 7.2. */
function newerDirectivePart({ NEWER, NEWER_ALIASES, idleNotice, statusOf }) {
  const rows = Object.keys(NEWER)
    .sort()
    .map((name) => {
      const works = statusOf(name) === 'works'
      return `| \`${name}\` | ${works ? 'works' : idleNotice(name).replace(/^.*has no effect/, 'no effect')} |`
    })
  return [
    '## Directives of later versions',
    '',
    'Those of Redis 7.4 to 8.4 and Valkey 8 and 9. CONFIG GET shows them by their exact name. One without effect is kept,',
    'and one log line says why. Other names of Valkey for directives above:',
    `${[...NEWER_ALIASES].map(([alias, name]) => `\`${alias}\` (\`${name}\`)`).join(', ')}.`,
    "Directives of Redis 8's bundled modules (`search-*`, `ts-*`, `bf-*`, `cf-*`) are read from a file, without effect.",
    '',
    '| directive | status |',
    '| --- | --- |',
    ...rows,
    '',
  ]
}

const found = await tables()
const text = [
  '# Compatibility with Redis 7.2',
  '',
  'This page is made by `node scripts/compatibility.mjs` from the command table and the directive table.',
  '',
  ...commandPart([...found.COMMANDS, ...found.serverCommands]),
  ...directivePart(found),
  ...newerDirectivePart(found),
].join('\n')

if (process.argv.includes('--check')) {
  let old = ''
  try {
    old = readFileSync(PAGE, 'utf8')
  } catch {}
  if (old !== text) {
    console.error(`${PAGE} is not up to date: run \`node scripts/compatibility.mjs\``)
    process.exitCode = 1
  }
} else {
  writeFileSync(PAGE, text)
}
