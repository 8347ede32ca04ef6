import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { replaceFile } from './replace-file.js'

const directory = mkdtempSync(join(tmpdir(), 'shoal-replace-'))

afterEach(() => rmSync(directory, { recursive: true, force: true }))

test('the new file takes the place of the old one', () => {
  mkdirSync(directory, { recursive: true })
  const path = join(directory, 'file')
  writeFileSync(path, 'old')
  replaceFile(path, `${path}.tmp`, 'new', 0o600)
  expect(readFileSync(path, 'utf8')).toBe('new')
  expect(readdirSync(directory)).toEqual(['file'])
})

test('nothing is left beside a file that cannot be replaced', () => {
  const path = join(directory, 'file')
  mkdirSync(join(path, 'in the way'), { recursive: true })
  expect(() => replaceFile(path, `${path}.tmp`, 'new', 0o600)).toThrow()
  expect(readdirSync(directory)).toEqual(['file'])
})
