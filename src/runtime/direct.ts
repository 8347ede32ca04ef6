/**
 * Writing to a socket without the stream around it. What Node's streams do for every write (a request, a queue, a callback in the
 * next tick) costs as much as a handful of small commands, and a node needs none of it: it writes once a turn, mostly into
 * a socket with room for all of it, and keeps what is to follow itself. So the bytes go to the handle, as net.Socket hands them to
 * it. Node does not document the handle: where it is not as expected, the stream does it (net.ts).
 */

/** What a write that does not end at once lives in; Node's own class. */
export interface WriteRequest {
  oncomplete: (status: number) => void
  buffer: Uint8Array
}

/** What a socket is to Node itself. */
export interface StreamHandle {
  /** 0, or an error of libuv's below 0. */
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number
  /** Bytes that the system has not taken; undefined once the handle is closed. */
  readonly writeQueueSize?: number
}

interface StreamWrap {
  readonly WriteWrap: new () => WriteRequest
  readonly streamBaseState: Int32Array
  readonly kLastWriteWasAsync: number
}

/** Makes requests, where Node has them. */
export class DirectWriting {
  private readonly wrap: StreamWrap | null

  /** `binding` is where Node gives out its inner parts. */
  constructor(binding: unknown = (process as unknown as { binding?: unknown }).binding) {
    this.wrap = findWrap(binding)
  }

  /** The handle of a socket that can be written to directly, or null. */
  handleOf(socket: object): StreamHandle | null {
    const handle = (socket as { _handle?: Partial<StreamHandle> | null })._handle
    if (this.wrap === null || handle === null || typeof handle?.writeBuffer !== 'function') return null
    return handle as StreamHandle
  }

  request(): WriteRequest {
    return new this.wrap!.WriteWrap()
  }

  /** Whether the system did not take all of the last write at once. */
  get isUnderWay(): boolean {
    const { streamBaseState, kLastWriteWasAsync } = this.wrap!
    return streamBaseState[kLastWriteWasAsync] !== 0
  }
}

function findWrap(binding: unknown): StreamWrap | null {
  if (typeof binding !== 'function') return null
  try {
    const wrap: Partial<StreamWrap> | undefined = binding.call(process, 'stream_wrap')
    const isWhole =
      typeof wrap?.WriteWrap === 'function' &&
      wrap.streamBaseState instanceof Int32Array &&
      typeof wrap.kLastWriteWasAsync === 'number'
    return isWhole ? (wrap as StreamWrap) : null
  } catch {
    return null
  }
}
