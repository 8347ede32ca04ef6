/**
 * The users of a node: names, passwords, and what they may do. Passwords are kept as SHA-256 only. Without
 * any rules there is one user, `default`, who may do everything and needs no password.
 */

import { createHash, timingSafeEqual } from 'node:crypto'
import type { CommandTable } from '../../../commands/table.js'
import { bytesOf, compareTexts, lower, splitWords, trimOf } from '../../config/text.js'
import {
  applySelectorRule,
  copySelector,
  createSelector,
  describeSelector,
  type Selector,
} from './selector.js'

export interface User {
  readonly name: string
  enabled: boolean
  nopass: boolean
  skipSanitize: boolean
  /** SHA-256 of each password, in hexadecimal digits. */
  passwords: string[]
  /** The first is the user's own; the others were given in parentheses. */
  selectors: [Selector, ...Selector[]]
}

const NO_SUCH_PASSWORD = 'The password you are trying to remove from the user does not exist'
const BAD_HASH =
  'The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters'

export function hashPassword(password: string): string {
  return createHash('sha256').update(bytesOf(password)).digest('hex')
}

/** The flags of a user as ACL LIST and ACL GETUSER show them. */
export function flagsOf(user: User): string[] {
  return [
    user.enabled ? 'on' : 'off',
    ...(user.nopass ? ['nopass'] : []),
    user.skipSanitize ? 'skip-sanitize-payload' : 'sanitize-payload',
  ]
}

/** A user's rules as one line, from which the same user can be made. */
export function describeUser(user: User): string {
  const [own, ...others] = user.selectors
  const parts = [...flagsOf(user), ...user.passwords.map((hash) => `#${hash}`), describeSelector(own)]
  return [...parts, ...others.map((selector) => `(${describeSelector(selector)})`)].join(' ')
}

/** Whether nothing is forbidden to the user. */
export function mayEverything(user: User): boolean {
  const [own] = user.selectors
  return own.allCommands && own.allKeys && own.allChannels
}

function passwordRule(user: User, rule: string): string | undefined {
  const mark = rule[0]!
  const plain = mark === '>' || mark === '<'
  const hash = plain ? hashPassword(rule.slice(1)) : rule.slice(1)
  if (!plain && !/^[0-9a-f]{64}$/.test(hash)) return BAD_HASH
  if (mark === '>' || mark === '#') {
    if (!user.passwords.includes(hash)) user.passwords.push(hash)
    user.nopass = false
    return undefined
  }
  if (!user.passwords.includes(hash)) return NO_SUCH_PASSWORD
  user.passwords = user.passwords.filter((known) => known !== hash)
  return undefined
}

/** Joins the words of `(~a +get)` to one rule each; undefined, or the word that opens what is never closed. */
export function mergeParentheses(words: readonly string[]): { rules: string[] } | { unmatched: string } {
  const rules: string[] = []
  let open: string[] | undefined
  for (const word of words) {
    if (open !== undefined) open.push(word)
    else if (word.startsWith('(') && !word.endsWith(')')) open = [word]
    else rules.push(word)
    if (open !== undefined && open.length > 1 && word.endsWith(')')) {
      rules.push(open.join(' '))
      open = undefined
    }
  }
  return open === undefined ? { rules } : { unmatched: open[0]! }
}

export class Users {
  private readonly table: CommandTable
  private readonly byName = new Map<string, User>()
  /** acl-pubsub-default: whether new users may use all channels. */
  channelsByDefault = false

  constructor(table: CommandTable) {
    this.table = table
    this.byName.set('default', this.openUser())
  }

  /** The user `default` as it is without any rules. */
  private openUser(): User {
    const user = this.create('default')
    for (const rule of ['+@all', '~*', '&*', 'on', 'nopass']) this.apply(user, rule)
    return user
  }

  /** A user who may do nothing, in no list yet. */
  create(name: string): User {
    return {
      name,
      enabled: false,
      nopass: false,
      skipSanitize: false,
      passwords: [],
      selectors: [createSelector(this.table, this.channelsByDefault)],
    }
  }

  get(name: string): User | undefined {
    return this.byName.get(name)
  }

  /** All users by name. */
  all(): User[] {
    return [...this.byName.values()].sort((a, b) => compareTexts(a.name, b.name))
  }

  put(user: User): void {
    this.byName.set(user.name, user)
  }

  delete(name: string): boolean {
    return this.byName.delete(name)
  }

  /** Takes other users in the place of all these. */
  replace(users: readonly User[]): void {
    this.byName.clear()
    this.byName.set('default', this.openUser())
    for (const user of users) this.byName.set(user.name, user)
  }

  copy(user: User): User {
    const [own, ...others] = user.selectors
    return {
      ...user,
      passwords: [...user.passwords],
      selectors: [copySelector(own), ...others.map(copySelector)],
    }
  }

  /** Each user's line for ACL LIST, without the word `user`. */
  describe(): string[] {
    return this.all().map((user) => `${user.name} ${describeUser(user)}`)
  }

  /** Changes a user by one rule; returns why the rule is wrong. */
  apply(user: User, rule: string): string | undefined {
    switch (lower(rule)) {
      case '':
        return undefined
      case 'on':
      case 'off':
        user.enabled = lower(rule) === 'on'
        return undefined
      case 'skip-sanitize-payload':
      case 'sanitize-payload':
        user.skipSanitize = lower(rule).startsWith('skip')
        return undefined
      case 'nopass':
      case 'resetpass':
        user.nopass = lower(rule) === 'nopass'
        user.passwords = []
        return undefined
      case 'clearselectors':
        user.selectors = [user.selectors[0]]
        return undefined
      case 'reset': {
        Object.assign(user, this.create(user.name))
        return undefined
      }
      default:
    }
    if (/^[><#!]/.test(rule)) return passwordRule(user, rule)
    if (rule.startsWith('(') && rule.endsWith(')')) return this.addSelector(user, rule.slice(1, -1))
    return applySelectorRule(this.table, user.selectors[0], rule)
  }

  private addSelector(user: User, text: string): string | undefined {
    const selector = createSelector(this.table, this.channelsByDefault)
    for (const rule of splitWords(text) ?? []) {
      const error = applySelectorRule(this.table, selector, rule)
      if (error !== undefined) return error
    }
    user.selectors.push(selector)
    return undefined
  }

  /** Whether name and password belong together, and the user may log in. */
  authenticates(name: string, password: string): boolean {
    const user = this.byName.get(name)
    if (user === undefined || !user.enabled) return false
    if (user.nopass) return true
    const given = Buffer.from(hashPassword(password))
    let right = false
    // Every hash is compared: how long it takes must not tell which one came near.
    for (const hash of user.passwords) right = timingSafeEqual(given, Buffer.from(hash)) || right
    return right
  }

  /** requirepass: the password of `default`, or with an empty one none. */
  setDefaultPassword(password: string): void {
    const user = this.byName.get('default')!
    this.apply(user, 'resetpass')
    this.apply(user, password === '' ? 'nopass' : `>${password}`)
  }

  /** The judgement about a `user` line of a configuration file: the wrong word and why. */
  checkRules(words: readonly string[]): { word: string; reason: string } | undefined {
    const merged = mergeParentheses(words)
    if ('unmatched' in merged) return { word: merged.unmatched, reason: 'Syntax error' }
    const user = this.create('')
    for (const rule of merged.rules) {
      const reason = this.apply(user, rule)
      if (reason !== undefined) return { word: rule, reason }
    }
    return undefined
  }

  /** Users from the text of an aclfile; or what is wrong with it, all of it. */
  read(text: string, file: string): { users: User[] } | { errors: string } {
    const users: User[] = []
    const names = new Set<string>()
    let errors = ''
    for (const [i, raw] of text.split('\n').entries()) {
      const line = trimOf(raw, ' \t\r\n')
      if (line === '') continue
      const where = `${file}:${i + 1}`
      const [word, name, ...rest] = line.split(' ')
      if (word !== 'user' || name === undefined) {
        errors += `${where} should start with user keyword followed by the username. `
      } else if (names.has(name)) {
        errors += `WARNING: Duplicate user '${name}' found on line ${i + 1}. `
      } else {
        const user = this.create(name)
        users.push(user)
        names.add(name)
        errors += this.readRules(user, rest, where)
      }
    }
    if (errors === '') return { users }
    return {
      errors: `${errors}WARNING: ACL errors detected, no change to the previously active ACL rules was performed`,
    }
  }

  private readRules(user: User, words: readonly string[], where: string): string {
    const merged = mergeParentheses(words)
    if ('unmatched' in merged) return `${where}: Unmatched parenthesis in selector definition.`
    let errors = ''
    let told = false
    for (const word of merged.rules) {
      const rule = trimOf(word, '\t\r\n')
      const reason = this.apply(user, rule)
      if (reason === undefined) continue
      if (reason.startsWith('Unknown'))
        errors += `${where}: Error in applying operation '${rule}': ${reason}. `
      else if (!told) {
        errors += `${where}: ${reason}. `
        told = true
      }
    }
    return errors
  }
}
