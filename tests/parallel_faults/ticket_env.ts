import { randomBytes } from 'node:crypto'
import { BaseEnv, Box, baseEnvConfig, Discrete, ENV_REGISTRY, extendSchema } from '../../ding/index.js'

/** Numbers of environments and of their steps are exact in float32, and small, as fractions of these. */
export const NONCES = 2 ** 24
export const SERIALS = 2 ** 20

/**
 * Every transition of it is unlike any other anywhere: its observation is the number of the environment and the number of its step, which goes on across
 * episodes. So transitions that got lost or came twice show in a replay buffer.
 */
@ENV_REGISTRY.register('ticket')
export class TicketEnv extends BaseEnv<Float32Array, number> {
  static readonly config = extendSchema(baseEnvConfig, {
    step_ms: { doc: 'What a step costs.', format: 'nonnegative_number', default: 2 },
  })
  readonly observation_space = new Box(0, 1, [2])
  readonly action_space = new Discrete(2)
  private readonly nonce = randomBytes(3).readUIntBE(0, 3)
  private readonly step_ms: number
  private serial = 0
  private readonly nobody = new Int32Array(new SharedArrayBuffer(4))

  constructor(cfg: { step_ms?: number } = {}) {
    super('ticket', 10)
    this.step_ms = cfg.step_ms ?? 2
  }

  protected override begin(): Float32Array {
    return this.look()
  }

  protected override advance(): { obs: Float32Array; reward: number; terminated: boolean } {
    if (this.step_ms > 0) Atomics.wait(this.nobody, 0, 0, this.step_ms)
    this.serial++
    return { obs: this.look(), reward: 1, terminated: false }
  }

  private look(): Float32Array {
    return Float32Array.of(this.nonce / NONCES, this.serial / SERIALS)
  }
}
