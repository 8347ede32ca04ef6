/** The text of `shoal-cli --help`. */

import { VERSION } from './version.js'

export function usage(): string {
  const line = (option: string, text: string) => `  ${option.padEnd(26)} ${text}\n`
  const section = (title: string, lines: [string, string][]) =>
    `\n${title}\n${lines.map(([option, text]) => line(option, text)).join('')}`
  return (
    `shoal-cli ${VERSION}\n\nUsage: shoal-cli [OPTIONS] [cmd [arg [arg ...]]]\n` +
    'Without a command it starts a prompt, or runs the lines of standard input.\n' +
    section('Where to', [
      ['-h <hostname>', 'Host of the server (default 127.0.0.1)'],
      ['-p <port>', 'Port of the server (default 6379)'],
      ['-s <socket>', 'Unix socket, instead of host and port'],
      ['-u <uri>', 'redis://[[user:]password@]host[:port][/db], rediss:// for TLS'],
      ['-n <db>', 'Database number'],
      ['-c', 'Cluster mode: follow MOVED and ASK'],
      ['-2, -3', 'Speak RESP2 (default) or RESP3'],
      ['-4, -6', 'Try IPv4 or IPv6 addresses of a host name first'],
    ]) +
    section('Who', [
      ['-a, --pass <password>', 'Password (REDISCLI_AUTH in the environment is safer)'],
      ['--user <username>', 'User of the ACL, together with -a'],
      ['--askpass', 'Ask for the password'],
      ['--no-auth-warning', 'No warning about a password on the command line'],
    ]) +
    section('TLS', [
      ['--tls', 'Use it'],
      ['--sni <host>', 'Name that is asked for'],
      ['--cacert <file>', 'Certificates that are trusted (default: the system’s)'],
      ['--insecure', 'Trust any certificate'],
      ['--cert, --key <file>', 'Certificate and key of this client'],
      ['--tls-ciphers, --tls-ciphersuites <list>', 'Ciphers up to TLS 1.2, and of TLS 1.3'],
    ]) +
    section('Commands and their input', [
      ['-r <n>, -i <seconds>', 'Run the command n times (-1: for ever), waiting in between'],
      ['-x', 'Last argument from standard input'],
      ['-X <tag>', 'The argument <tag> from standard input'],
      ['--quoted-input', 'Arguments are "quoted\\x00strings"'],
      ['--eval <file> k1 k2 , a1', 'Send a script with keys and arguments'],
      ['-e', 'End with code 1 when the server replies with an error'],
    ]) +
    section('Output', [
      ['--raw, --no-raw', 'Replies as they are (default without a terminal), or for people'],
      ['--csv, --json, --quoted-json', 'Other forms; JSON uses RESP3 unless -2 is given'],
      ['-d, -D <delimiter>', 'Between members, and after each reply, of raw output'],
      ['--show-pushes <yes|no>', 'Show RESP3 pushes (default yes on a terminal)'],
    ]) +
    section('Instead of a command', [
      ['--scan', 'List the keys; --pattern or --quoted-pattern choose'],
      ['--bigkeys, --memkeys', 'Find the biggest keys by members, or by memory (--memkeys-samples <n>)'],
      ['--hotkeys', 'Find the keys used most (server with maxmemory-policy *lfu)'],
      ['--stat', 'A line of numbers about the server each second (-i changes that)'],
      ['--latency, --latency-history', 'Measure round trips'],
      ['--intrinsic-latency <s>', 'Measure how long this machine lets a process wait'],
      ['--pipe', 'Send the protocol on standard input; --pipe-timeout <s> ends the wait (30)'],
      ['--rdb <file>', 'Fetch the data as an RDB file, - for standard output'],
      ['--functions-rdb <file>', 'The same with the functions alone'],
      ['--replica', 'Show what the server sends to its replicas'],
      ['--cluster <command> …', 'Look after a cluster: --cluster help'],
    ]) +
    section('And', [['--help, --version', 'Print this, or the version']]) +
    '\nExamples:\n' +
    '  shoal-cli -c -p 7000 set name test\n' +
    '  shoal-cli -r 10 -i 1 info stats\n' +
    "  shoal-cli --scan --pattern 'user:*'\n" +
    '  shoal-cli -x set photo < photo.jpg\n\n'
  )
}
