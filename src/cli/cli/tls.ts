/** Node's TLS options from the command line's. */

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ConnectionOptions as TlsOptions } from 'node:tls'
import type { Options } from './options.js'

export function tlsOptions(options: Options): TlsOptions {
  const { tls } = options
  const file = (name: string | undefined) => (name === undefined ? undefined : readFileSync(name))
  const directory = tls.cacertdir
  const authorities = [
    ...(tls.cacert === undefined ? [] : [readFileSync(tls.cacert)]),
    ...(directory === undefined
      ? []
      : readdirSync(directory).map((name) => readFileSync(join(directory, name)))),
  ]
  return {
    rejectUnauthorized: !tls.insecure,
    ...(tls.sni === undefined ? {} : { servername: tls.sni }),
    ...(authorities.length === 0 ? {} : { ca: authorities }),
    ...(tls.cert === undefined ? {} : { cert: file(tls.cert) }),
    ...(tls.key === undefined ? {} : { key: file(tls.key) }),
    ...(tls.ciphers === undefined && tls.ciphersuites === undefined
      ? {}
      : { ciphers: [tls.ciphersuites, tls.ciphers].filter((one) => one !== undefined).join(':') }),
    // Redis certificates name hosts seldom; redis-cli checks the chain and not the name.
    checkServerIdentity: () => undefined,
  }
}
