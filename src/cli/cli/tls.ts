/** Node's TLS options from the command line's. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ConnectionOptions as TlsOptions } from 'node:tls'
import type { Options } from './options.js'

/** The options, or, in redis-cli's words, why a file cannot be used. */
export function tlsOptions({ tls }: Options): TlsOptions | string {
  const out: TlsOptions = {
    rejectUnauthorized: !tls.insecure,
    // Certificates of Redis servers name hosts seldom: the chain is checked and not the name, as redis-cli does.
    checkServerIdentity: () => undefined,
  }
  const failed = (what: string) => `Could not negotiate a TLS connection: Invalid ${what}`
  try {
    const { cacert, cacertdir } = tls
    const names = cacertdir === undefined ? [] : readdirSync(cacertdir).map((name) => join(cacertdir, name))
    const files = [...(cacert === undefined ? [] : [cacert]), ...names]
    if (files.length > 0) out.ca = files.map((name) => readFileSync(name))
  } catch {
    return failed('CA Certificate File/Directory')
  }
  try {
    if (tls.cert !== undefined) out.cert = readFileSync(tls.cert)
  } catch {
    return failed('client certificate')
  }
  try {
    if (tls.key !== undefined) out.key = readFileSync(tls.key)
  } catch {
    return failed('private key')
  }
  if (tls.sni !== undefined) out.servername = tls.sni
  const ciphers = [tls.ciphersuites, tls.ciphers].filter((one) => one !== undefined)
  if (ciphers.length > 0) out.ciphers = ciphers.join(':')
  return out
}
