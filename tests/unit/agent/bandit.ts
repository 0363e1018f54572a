import { Box, createTimestep, Dict, Discrete, type Env, type Obs } from '../../../ding/envs/index.js'

export const observations = new Box(Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY, [4])

/** Pays 1 for action 0 and 0 otherwise, for `length` steps. */
export class Bandit implements Env {
  readonly observation_space: Env['observation_space']
  readonly action_space = new Discrete(3)
  readonly reward_space = new Box(0, 1)
  private step_count = 0

  constructor(
    private readonly length: number,
    private readonly mask?: Uint8Array,
  ) {
    this.observation_space =
      mask === undefined
        ? observations
        : new Dict({ observation: observations, action_mask: new Box(0, 1, [3], 'uint8') })
  }

  private obs(): Obs {
    const observation = Float32Array.of(1, 0, 0, 0)
    return this.mask === undefined ? observation : { observation, action_mask: this.mask }
  }

  reset() {
    this.step_count = 0
    return this.obs()
  }

  step(action: Obs) {
    this.step_count++
    return createTimestep(this.obs(), Number(action === 0), this.step_count === this.length)
  }

  seed() {}
  close() {}
}
