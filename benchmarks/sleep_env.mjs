import { CartPoleEnv, ENV_REGISTRY } from 'ding'

const clock = new Int32Array(new SharedArrayBuffer(4))

/** CartPole whose every step takes DING_SLEEP_MS longer, without using the processor: collectors scale past the cores. */
class SleepEnv extends CartPoleEnv {
  step(action) {
    Atomics.wait(clock, 0, 0, Number(process.env['DING_SLEEP_MS'] ?? 5))
    return super.step(action)
  }
}

ENV_REGISTRY.register('sleep_cartpole', SleepEnv, { force_overwrite: true })
