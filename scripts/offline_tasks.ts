import halfcheetah_crossq from '../configs/mujoco/halfcheetah_crossq_config.js'
import halfcheetah_sac from '../configs/mujoco/halfcheetah_sac_config.js'
import hopper_crossq from '../configs/mujoco/hopper_crossq_config.js'
import hopper_sac from '../configs/mujoco/hopper_sac_config.js'
import pendulum_crossq from '../configs/pendulum/pendulum_crossq_config.js'
import pendulum_sac from '../configs/pendulum/pendulum_sac_config.js'
import type { DataTask } from './offline_data.js'

/** What `make:data` makes data of, by the name that it takes. */
export const TASKS: Readonly<Record<string, DataTask>> = {
  pendulum: {
    env_id: 'Pendulum-v1',
    configs: { sac: pendulum_sac, crossq: pendulum_crossq },
    // Learned in 2000 updates: with one at every step its replay would be 3000 steps of next to nothing.
    steps: 41_000,
    steps_per_update: 4,
    check_every: 250,
    rows: 20_000,
  },
  hopper: {
    env_id: 'Hopper-v4',
    configs: { sac: hopper_sac, crossq: hopper_crossq },
    steps: 1_000_000,
    steps_per_update: 1,
    check_every: 5_000,
    rows: 200_000,
  },
  halfcheetah: {
    env_id: 'HalfCheetah-v4',
    configs: { sac: halfcheetah_sac, crossq: halfcheetah_crossq },
    steps: 1_000_000,
    steps_per_update: 1,
    check_every: 5_000,
    rows: 200_000,
  },
}
