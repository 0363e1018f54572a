import { RandomStream } from '../../../ding/compute/index.js'
import { type ConfigOf, defaultsOf } from '../../../ding/config/index.js'
import {
  AdvancedReplayBuffer,
  type Batch,
  DequeBuffer,
  EpisodeReplayBuffer,
  NaiveReplayBuffer,
  type Transition,
} from '../../../ding/data/index.js'
import { MemoryLogger } from '../../../ding/logger/index.js'
import type { HostTensor } from '../../../ding/utils/index.js'

/** The n-th of a series of distinguishable transitions. */
export function step(n: number): Transition {
  return {
    obs: Float32Array.of(n, n + 0.5),
    next_obs: Float32Array.of(n + 1, n + 1.5),
    action: n % 3,
    reward: n / 10,
    done: n % 4 === 3,
    collect_iter: n,
  }
}

export function steps(from: number, to: number): Transition[] {
  return Array.from({ length: to - from }, (_, i) => step(from + i))
}

/** The numbers n of the transitions in a batch. */
export function numbersIn(batch: Batch | null): number[] {
  if (batch === null) throw new Error('there is no batch')
  const obs = batch.obs as HostTensor
  return Array.from({ length: obs.shape[0]! }, (_, i) => obs.data[2 * i]!)
}

export function ints(batch: Batch | null, key: string): number[] {
  if (batch === null) throw new Error('there is no batch')
  return Array.from((batch[key] as HostTensor).data)
}

type Overrides<C> = Partial<ConfigOf<C>>

interface Made<B> {
  readonly buffer: B
  readonly random: RandomStream
  readonly logger: MemoryLogger
}

function made<B>(
  build: (options: { random: RandomStream; logger: MemoryLogger }) => B,
  seed: number,
): Made<B> {
  const random = RandomStream.fromSeed(seed)
  const logger = new MemoryLogger()
  return { buffer: build({ random, logger }), random, logger }
}

export function naive(
  cfg: Overrides<typeof NaiveReplayBuffer.config> = {},
  seed = 0,
): Made<NaiveReplayBuffer> {
  return made(
    (options) => new NaiveReplayBuffer({ ...defaultsOf(NaiveReplayBuffer.config), ...cfg }, options),
    seed,
  )
}

export function advanced(
  cfg: Overrides<typeof AdvancedReplayBuffer.config> = {},
  seed = 0,
): Made<AdvancedReplayBuffer> {
  const build = (options: { random: RandomStream; logger: MemoryLogger }) =>
    new AdvancedReplayBuffer({ ...defaultsOf(AdvancedReplayBuffer.config), ...cfg }, options)
  return made(build, seed)
}

export function deque(cfg: Overrides<typeof DequeBuffer.config> = {}, seed = 0): Made<DequeBuffer> {
  return made((options) => new DequeBuffer({ ...defaultsOf(DequeBuffer.config), ...cfg }, options), seed)
}

export function episodic(
  cfg: Overrides<typeof EpisodeReplayBuffer.config> = {},
  seed = 0,
): Made<EpisodeReplayBuffer> {
  const build = (options: { random: RandomStream; logger: MemoryLogger }) =>
    new EpisodeReplayBuffer({ ...defaultsOf(EpisodeReplayBuffer.config), ...cfg }, options)
  return made(build, seed)
}
