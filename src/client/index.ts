/** The client: replies, one connection, a whole cluster. */

export { CLUSTER_REDIRECTS_MAX, ClusterClient, type ClusterOptions } from './cluster.js'
export { type Argument, bytesOf, encodeCommand } from './command.js'
export {
  type Address,
  Connection,
  ConnectionError,
  type ConnectOptions,
  connect,
  type OpenOptions,
  open,
} from './connection.js'
export { feed, nextReply, type ReplyReader, replyReader } from './reader.js'
export { errorOf, fieldOf, itemsOf, numberOf, type Reply, textOf } from './reply.js'
export {
  addressText,
  parseAddress,
  parseRedirect,
  type SlotMap,
  slotMapOfShards,
  slotMapOfSlots,
} from './slots.js'
