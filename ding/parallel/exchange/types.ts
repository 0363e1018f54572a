/**
 * What the roles of a parallel run send one another, whatever carries it. Two implementations: `thread` (worker threads of this process) and
 * `nats` (NATS JetStream, any number of machines). Nothing here knows of reinforcement learning: chunks and parameters are bytes.
 */
export interface Exchange {
  /** Registered name, for messages. */
  readonly kind: string
  readonly trajectories: TrajectoryQueue
  readonly parameters: ParameterBoard
  readonly control: ControlBus
  readonly store: BlobStore
  /** Leaves the run. What was sent and accepted stays. Safe to call twice. */
  close(): Promise<void>
}

/** Chunks of experience on their way from collectors to the learner. At least once; `id` makes a second copy recognisable. */
export interface TrajectoryQueue {
  /**
   * Resolves once the queue holds the chunk. Waits while the queue is full: that is the collectors' brake, nothing is dropped.
   * @param chunk is given away: its memory may be another thread's from then on
   * @param id unique in the run and the same when the same chunk is sent again: `<collector>-<sequence number>`
   */
  publish(chunk: Uint8Array, id: string): Promise<void>
  /** The next chunk, or undefined when `signal` is aborted first. */
  receive(signal: AbortSignal): Promise<Delivery | undefined>
  depth(): Promise<{ readonly messages: number; readonly bytes: number }>
}

/** One chunk at the learner. Exactly one of the three must be called. */
export interface Delivery {
  readonly chunk: Uint8Array
  readonly id: string
  /** How many times it has been handed out, from 1. */
  readonly deliveries: number
  /** The chunk is in the replay buffer: it is gone from the queue when this resolves. */
  ack(): Promise<void>
  /** Not now: hand it out again later. */
  retry(): Promise<void>
  /** It can never be used: kept apart with its reason, never handed out again. */
  setAside(reason: string): Promise<void>
}

/** Parameters by version; the newest wins. */
export interface ParameterBoard {
  publish(parameters: Parameters): Promise<void>
  /** The newest, or undefined when there is none, or none newer than `than`. */
  newest(than?: number): Promise<Parameters | undefined>
  /** Resolves with the newest of at least this version, waiting for it; undefined when `signal` is aborted first. */
  waitFor(version: number, signal: AbortSignal): Promise<Parameters | undefined>
}

export interface Parameters {
  /** Counts up by one at each publication of a run, also across restarts of the learner. */
  readonly version: number
  readonly blob: Uint8Array
}

/** Small JSON messages: status, heartbeats, permissions, commands. Lost ones must not matter, or `request` is used. */
export interface ControlBus {
  announce(topic: string, message: unknown): void
  /** @returns a function that ends the subscription */
  subscribe(topic: string, handler: (message: unknown) => void): () => void
  /** Asks one of those who serve the topic. @throws ExchangeError when nobody answers within `timeout_ms` */
  request(topic: string, message: unknown, timeout_ms: number): Promise<unknown>
  /** Answers requests; of several servers of a topic each request reaches one. @returns a function that ends it */
  serve(topic: string, handler: (message: unknown) => Promise<unknown>): () => void
}

/** Large blobs by name: checkpoints. A blob is there whole or not at all. */
export interface BlobStore {
  put(name: string, blob: Uint8Array): Promise<void>
  get(name: string): Promise<Uint8Array | undefined>
  list(): Promise<readonly string[]>
  delete(name: string): Promise<void>
}
