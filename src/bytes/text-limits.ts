/**
 * How many bytes of a client become a JavaScript string, by purpose. Every conversion names one of these: a string of what
 * a client sent without a cap costs seconds for some megabytes, and none can be longer than 2^29 - 25 characters: V8 throws.
 *
 * Two ways to convert: `text` cuts at the cap, for what is shown, or compared with names that are all shorter than the cap;
 * `wholeText` refuses (null), for what is kept, read as a number, or compared with what a client chose.
 */

/** Of an argument that an error text or the log quotes: the rest is left out, as Redis does with `%.128s`. */
export const SHOWN_BYTES_MAX = 128

/** Of an argument that Redis quotes whole in an error text: the rest is left out. */
export const QUOTED_BYTES_MAX = 16 * 1024

/** Of a name to be looked up (options, commands, events): all of them are shorter, so a cut one equals none. */
export const WORD_BYTES_MAX = 256

/** Of a number: longer ones are refused as none, as Redis does (MAX_LONG_DOUBLE_CHARS). */
export const NUMBER_BYTES_MAX = 5 * 1024 - 1

/** Of a name that the node keeps (connections, libraries, users, hosts): longer ones are refused. */
export const NAME_BYTES_MAX = 64 * 1024

/** Of a value that the node keeps as text (directives, ACL rules, passwords): longer ones are refused. */
export const VALUE_BYTES_MAX = 1024 * 1024

/**
 * Of one argument that MONITOR shows, which never is a string: what follows is told as a number of bytes. Redis shows all of
 * it; here a line must fit a buffer, at up to four characters a byte.
 */
export const MONITORED_BYTES_MAX = 16 * 1024 * 1024
