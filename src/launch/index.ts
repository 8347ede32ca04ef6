/**
 * Topology -> processes. `up`, `down` and `status` of a cluster whose nodes run on this machine, each with its
 * folder, and go on running when the program that started them has ended.
 *
 * plan.ts, topology.ts and manifest.ts are pure: they say what there should be. folder.ts, inspect.ts and
 * processes.ts look at the world and change it, one thing at a time; up.ts, down.ts and status.ts tell them when.
 */

export { type DownOptions, type DownResult, down, knownCluster } from './down.js'
export { type EngineWorld, findEngine } from './engines.js'
export type { Outcome } from './folder.js'
export type { NodePlan } from './plan.js'
export type { Ending } from './processes.js'
export type { Shard } from './shape.js'
export { type ClusterStatus, type NodeStatus, status } from './status.js'
export { count, describeTopology, type Topology, type Wanted } from './topology.js'
export { summaryOf, type UpEvent, type UpOptions, type UpResult, up } from './up.js'
