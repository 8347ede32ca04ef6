/** What the cluster manager says, on the terminal: stdout or stderr, and the colours of each tool. */

import type { Say, Style, Tone } from '../../trib/index.js'
import type { Io } from './io.js'

const CLI_COLOURS: Readonly<Partial<Record<Tone, string>>> = {
  info: '29;1m',
  warn: '33;1m',
  error: '31;1m',
  ok: '32;1m',
}

/** By the first three letters of a line, as redis-trib has it. */
const TRIB_COLOURS: Readonly<Record<string, string>> = {
  '>>>': '29;1',
  '[ER': '31;1',
  '[WA': '31;1',
  '[OK': '32',
  '[FA': '33',
  '***': '33',
}

/** redis-cli colours in every xterm, redis-trib in the one that is called just so, both even into a pipe. */
export function painter(io: Io, style: Style): Say {
  const term = io.env['TERM'] ?? ''
  if (style === 'cli' ? !term.includes('xterm') : term !== 'xterm') return plain(io)
  return (text, tone = 'plain') => {
    if (tone === 'stderr') io.stderr.write(text)
    else io.stdout.write(style === 'cli' ? paintCli(text, tone) : text.split('\n').map(paintTrib).join('\n'))
  }
}

function plain(io: Io): Say {
  return (text, tone) => {
    if (tone === 'stderr') io.stderr.write(text)
    else io.stdout.write(text)
  }
}

function paintCli(text: string, tone: Tone): string {
  const colour = CLI_COLOURS[tone]
  return colour === undefined ? text : `\x1b[${colour}${text}\x1b[0m`
}

function paintTrib(line: string): string {
  const colour = TRIB_COLOURS[line.slice(0, 3)]
  return colour === undefined ? line : `\x1b[${colour}m${line}\x1b[0m`
}
