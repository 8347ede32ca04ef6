import { expect, test } from 'vitest'
import { parseConfig } from './config/parse.js'
import { serverWorld } from './world.js'

const world = serverWorld(process.cwd())

test.each<[string, string | undefined]>([
  ['rename-command GET fetch', undefined],
  ['rename-command nosuch x', 'No such command in rename-command'],
  ['rename-command get set', 'Target command name already exists'],
  ['rename-command get ""\nrename-command get x', 'No such command in rename-command'],
  ['rename-command get a\nrename-command a b\nrename-command set get', undefined],
  ['user alice on +@read ~a:* (+set ~b)', undefined],
  ['user alice +nosuch', "Error in user declaration '+nosuch': Unknown command or category name in ACL"],
  [
    'user alice on\nuser alice off',
    "Error in user declaration 'alice': Duplicate user found. A user can only be defined once in config files",
  ],
])('%s', (text, reason) => {
  const result = parseConfig(text, world)
  expect(result.ok ? undefined : result.error.reason).toBe(reason)
})
