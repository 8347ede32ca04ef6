/** Who decides that a key has expired: what a keyspace does with a key whose time has come. */

/** A master: a key that has expired is deleted when somebody comes upon it. */
export const EXPIRE_DELETE = 0
/** A replica: such a key is hidden from clients, and stays until the master says DEL. */
export const EXPIRE_HIDE = 1
/** The master's own stream, and loading: such a key is there. */
export const EXPIRE_IGNORE = 2
