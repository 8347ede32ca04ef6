/** What this is, and which Redis it speaks like: clients look at the latter to know what they may ask for. */

export const SHOAL_VERSION = '0.1.0'
export const REDIS_VERSION = '7.2.4'
