import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  createLog,
  type Level,
  LOG_TEXT_CHARS_MAX,
  logLine,
  logSink,
  type Role,
  runningLine,
  startLines,
} from './log.js'

const at = new Date(2026, 10, 3, 4, 5, 6, 7).getTime()

test('a line in local time', () => {
  expect(logLine(1234, 'M', at, 'notice', 'Ready')).toBe('1234:M 03 Nov 2026 04:05:06.007 * Ready\n')
})

test('marks, role and level are those of the moment', () => {
  const lines: string[] = []
  let role: Role = 'C'
  let level = 'debug'
  const log = createLog({
    pid: 1,
    role: () => role,
    level: () => level,
    now_ms: () => at,
    sink: (l) => lines.push(l),
  })
  const all: Level[] = ['debug', 'verbose', 'notice', 'warning']
  for (const each of all) log[each](each)
  role = 'S'
  for (level of ['notice', 'warning', 'nothing']) for (const each of all) log.write(each, level)
  expect(lines.map((line) => `${line.slice(0, 3)}${line.slice(28).trimEnd()}`)).toEqual([
    '1:C . debug',
    '1:C - verbose',
    '1:C * notice',
    '1:C # warning',
    '1:S * notice',
    '1:S # notice',
    '1:S # warning',
  ])
})

test('a long text is cut', () => {
  const line = logLine(1, 'M', at, 'debug', 'x'.repeat(5000))
  expect(line.split('x').length - 1).toBe(LOG_TEXT_CHARS_MAX)
})

test('a log file that was moved away appears again', () => {
  const dir = mkdtempSync(join(tmpdir(), 'shoal-log-'))
  const said: string[] = []
  const values = { dir, logfile: 'a.log' }
  const sink = logSink(values, (line) => said.push(line))
  sink('one\n')
  sink('two\n')
  renameSync(join(dir, 'a.log'), join(dir, 'b.log'))
  sink('three\n')
  expect(readFileSync(join(dir, 'b.log'), 'utf8')).toBe('one\ntwo\n')
  expect(readFileSync(join(dir, 'a.log'), 'utf8')).toBe('three\n')
  values.logfile = 'no/such/place'
  sink('lost\n')
  values.logfile = ''
  sink('said\n')
  expect(said).toEqual(['said\n'])
  rmSync(dir, { recursive: true })
})

test('the lines that tools wait for', () => {
  const facts = { pid: 77, shoalVersion: '0.1.0', redisVersion: '7.2.4', program: 'shoal-server' }
  const text = (configured: boolean) =>
    startLines({ ...facts, configured }).map(([level, line]) => `${level} ${line}`)
  expect(text(true)[1]).toMatch(
    /Redis version=7\.2\.4, bits=64, commit=\w+, modified=0, pid=77, just started$/,
  )
  expect(text(true)[2]).toBe('notice Configuration loaded')
  expect(text(false)[2]).toMatch(/^warning Warning: no config file .* shoal-server \/path\/to\/redis.conf$/)
  expect(runningLine('cluster', 7000, 77)).toMatch(/^Running mode=cluster, port=7000\..* PID: 77$/)
})
