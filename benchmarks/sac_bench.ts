import {
  type Compute,
  createCompute,
  defaultsOf,
  RandomStream,
  RandomTree,
  type SACConfig,
  SACPolicy,
  sacPolicyConfig,
  type TD3Config,
  TD3Policy,
  td3PolicyConfig,
} from 'ding'
import { continuousBatch } from './continuous_batch.js'
import { type Figure, timePerCall } from './measure.js'

/** HalfCheetah's sizes. */
const OBS = 17
const ACTIONS = 6
const BATCH = 256

/** SAC with hidden layers of 256-256 and TD3 with 400-300, by the names of the PyTorch script. */
export function sacAndTd3(compute: Compute) {
  const random = RandomTree.fromSeed(0)
  const model = { obs_shape: OBS, action_shape: ACTIONS, twin_critic: true }
  const sac: SACConfig = {
    ...defaultsOf(sacPolicyConfig),
    model: { ...model, action_space: 'reparameterization', net_arch: [256, 256] },
  }
  const td3: TD3Config = {
    ...defaultsOf(td3PolicyConfig),
    model: { ...model, action_space: 'regression', net_arch: [400, 300] },
  }
  td3.learn.target_update_with_actor = true
  return {
    sac_256_256_batch_256: new SACPolicy(sac, { compute, random }),
    td3_400_300_batch_256: new TD3Policy(td3, { compute, random }),
  }
}

/** Updates and acting of SAC and TD3: times by name, as the PyTorch script names them. */
export async function sacFigures(): Promise<Figure[]> {
  const compute = await createCompute()
  const policies = sacAndTd3(compute)
  const figures: Figure[] = []
  const batch = continuousBatch(BATCH, OBS, ACTIONS)
  for (const [name, policy] of Object.entries(policies)) {
    const { forward } = policy.learn_mode
    figures.push(await timePerCall(name, 'ms', 60, () => forward(batch)))
  }
  const acting = policies.sac_256_256_batch_256
  const noise = RandomStream.fromSeed(2)
  for (const envs of [1, 8]) {
    const obs = Object.fromEntries(Array.from({ length: envs }, (_, i) => [i, noise.normal(OBS)]))
    const { forward } = acting.collect_mode
    figures.push(await timePerCall(`sac_act_${envs}_envs`, 'us', 1000, () => forward(obs)))
  }
  await compute.dispose()
  return figures
}
