/** The administration of a node, plugged in: users, INFO, the slow log, MONITOR. */

import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { errorText } from '../config/files.js'
import { uncappedTextOf } from '../config/text.js'
import type { ServerNode } from '../node.js'
import { mergeParentheses } from './acl/users.js'
import { Admin } from './admin.js'
import { Eviction } from './eviction.js'
import { Monitors } from './monitors.js'
import { addSections } from './sections.js'

const BOTH =
  'Configuring Redis with users defined in redis.conf and at the same setting an ACL file path is invalid. ' +
  'This setup is very likely to lead to configuration errors and security holes, please define either an ACL ' +
  'file or declare users directly in your redis.conf, but not both.'

/** Reads the aclfile anew. Returns what is wrong with it; then nothing has changed. */
export function loadAclFile(admin: Admin): string | undefined {
  const { values } = admin.node.config
  let text: string
  try {
    text = uncappedTextOf(readFileSync(resolve(values.dir, values.aclfile)))
  } catch (error) {
    return `Error loading ACLs, opening file '${values.aclfile}': ${errorText(error)}`
  }
  const read = admin.users.read(text, values.aclfile)
  if ('errors' in read) return read.errors
  admin.users.replace(read.users)
  admin.usersChanged(true)
  return undefined
}

/** The users of the configuration: requirepass, then `user` lines or the aclfile. */
function loadUsers(admin: Admin): void {
  const { node, users } = admin
  const { values } = node.config
  users.channelsByDefault = values['acl-pubsub-default'] === 'allchannels'
  users.setDefaultPassword(values.requirepass)
  if (values.aclfile !== '') {
    if (node.config.users.length > 0) throw new Error(BOTH)
    const error = loadAclFile(admin)
    if (error !== undefined) throw new Error(`Aborting Redis startup because of ACL errors: ${error}`)
  }
  for (const [name, ...words] of node.config.users) {
    if (/[\s\0]/.test(name!)) throw new Error('Spaces not allowed in ACL usernames')
    const user = users.create(name!)
    const merged = mergeParentheses(words)
    for (const rule of 'rules' in merged ? merged.rules : words) {
      const reason = users.apply(user, rule)
      if (reason === undefined) continue
      throw new Error(`Error loading ACL rule '${rule}' for the user named '${name}': ${reason}`)
    }
    users.put(user)
    if (!user.enabled) {
      node.log(
        'notice',
        `The user '${name}' is disabled (there is no 'on' modifier in the user description). ` +
          'Make sure this is not a configuration error.',
      )
    }
  }
}

/** Plugs the administration into a node. Throws where the users of its configuration are wrong. */
export function attachAdmin(node: ServerNode): Admin {
  const admin = new Admin(node)
  const monitors = new Monitors(node)
  loadUsers(admin)
  node.admin = admin
  admin.monitors = monitors
  node.access = admin
  node.wasLate = (event, usec) => {
    admin.latency.add(event, Math.floor(usec / 1000), Math.floor(node.clock.now_ms() / 1000))
  }
  const trackTimes = (): undefined => {
    node.times = node.config.values['latency-tracking'] ? admin.times : null
    admin.times.switch(node.times !== null)
  }
  trackTimes()
  node.config.onChange('latency-tracking', trackTimes)
  node.wasSlow = (client, entry, args, usec) => admin.wasSlow(client, entry, args, usec)
  node.monitor = (client, entry, args) => monitors.tell(client, entry, args)
  node.newClient = (client) => admin.welcome(client)
  const eviction = new Eviction(node)
  node.outOfMemory = () => eviction.outOfMemory()
  const readPolicy = (): undefined => {
    const { maxmemory, 'maxmemory-policy': policy } = node.config.values
    node.keyspace.evictsByClock = maxmemory > 0 && /l[rf]u$/.test(policy)
  }
  readPolicy()
  node.config.onChange(['maxmemory', 'maxmemory-policy'], readPolicy)
  // What was written in this turn may be too much: it is not to stay until somebody writes again.
  node.turn.before.push(() => {
    if (node.config.values.maxmemory > 0 && !node.loading && node.paused === 0) node.outOfMemory()
  })
  node.openToAll = () => admin.users.get('default')!.nopass
  // Buffers grow without any command that may need memory.
  node.regulars.push({
    cron() {
      if (node.config.values.maxmemory === 0 || node.loading || node.paused !== 0) return
      node.outOfMemory()
      node.turn.schedule()
    },
  })
  // A lower limit is made true at once, not only when somebody comes along.
  node.config.onChange('maxmemory', () => {
    setImmediate(() => {
      // While writes are held back, or another dataset is being loaded, nothing may go; the regular look follows.
      if (node.failed || node.loading || node.paused !== 0 || node.config.values.maxmemory === 0) return
      node.outOfMemory()
      node.turn.schedule()
    })
    return undefined
  })
  node.config.onChange('requirepass', () => {
    admin.users.setDefaultPassword(node.config.values.requirepass)
    return undefined
  })
  node.config.onChange('slowlog-max-len', () => {
    admin.slowLog.trim(node.config.values['slowlog-max-len'])
    return undefined
  })
  node.config.onChange('acl-pubsub-default', () => {
    admin.users.channelsByDefault = node.config.values['acl-pubsub-default'] === 'allchannels'
    return undefined
  })
  addSections(node, admin)
  return admin
}
