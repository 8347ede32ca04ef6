/** What other rooms use of the cluster's core. */

export { BUS_PORT_OFFSET } from './announce.js'
export { subcommandNames } from './command.js'
export { nodesDeadline_ms } from './cron.js'
export { renderPacket, renderStream } from './decode.js'
export { describeNode, flagNames } from './describe.js'
export type { Gate } from './gate.js'
export { ask, begun, createGate, isOpen, reached, whenSafe } from './gate.js'
export { standstill_ms } from './health.js'
export { normalizeIp } from './meet.js'
export type { Loaded } from './nodes-conf.js'
export { decodeNodesConf, encodeNodesConf, freshState } from './nodes-conf.js'
export type { Reply } from './reply.js'
export { infoText, nodesText, preferredEndpoint } from './reports.js'
export type { RouteQuestion } from './route.js'
export { CROSSSLOT, route, routeBlocked, slotIsOpen } from './route.js'
export { slotRanges } from './slots.js'
export type { ClusterConfig, ClusterNode, ClusterState, Link, LinkId, Local, Viewer } from './state.js'
export {
  DEFAULT_CONFIG,
  emptyLocal,
  hasFailed,
  inHandshake,
  isMaster,
  isReplica,
  isSuspected,
  NOADDR,
  takeLinkId,
} from './state.js'
export { step } from './step.js'
export type { Endpoint, Fact, Input, LinkEvent, LogLine, Outgoing, Ready } from './turn.js'
export type { Packet } from './wire.js'
export { TYPE_NAMES } from './wire.js'
export type { Decoded, TextCache } from './wire-decode.js'
export { createTextCache, decodePacket } from './wire-decode.js'
export type { FrameBuffer } from './wire-encode.js'
export { createFrameBuffer, encodePacket, encodePacketInto, packetBytes } from './wire-encode.js'
export type { Framer } from './wire-frame.js'
export { createFramer, FRAME_BYTES_MAX, feedFramer } from './wire-frame.js'
