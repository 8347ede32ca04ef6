/** What `--version` says; package.json has the same number (a test sees to it). */
export const VERSION = '0.1.0'
