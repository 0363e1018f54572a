import { join } from 'node:path'
import { afterEach } from 'vitest'
import {
  type BaseAgent,
  CrossQ,
  type CrossQArguments,
  DQN,
  type DQNArguments,
} from '../../../ding/agent/index.js'
import { createDatasetWriter } from '../../../ding/data/index.js'
import { collect_demo_data } from '../../../entry/index.js'
import { smallDqn } from '../../fixtures/configs.js'

const open: BaseAgent[] = []

/** Closes the agent when the test is over. */
export function keep<A extends BaseAgent>(agent: A): A {
  open.push(agent)
  return agent
}

/** To be called by each test file. */
export function closeAgents(): void {
  afterEach(async () => {
    for (const agent of open.splice(0)) await agent.close()
  })
}

export const smallNets = { net_arch: [16, 16] }

/** A CrossQ agent on Pendulum, learning from step 21 on. */
export function crossq(more: CrossQArguments = {}): CrossQ {
  return keep(
    new CrossQ({
      env: 'Pendulum-v1',
      learning_starts: 20,
      batch_size: 16,
      buffer_size: 1000,
      policy_kwargs: smallNets,
      seed: 3,
      ...more,
    }),
  )
}

/** A DQN agent on CartPole. */
export function dqn(more: DQNArguments = {}): DQN {
  return keep(
    new DQN({
      env: 'CartPole-v1',
      learning_starts: 20,
      batch_size: 16,
      buffer_size: 1000,
      policy_kwargs: smallNets,
      seed: 3,
      ...more,
    }),
  )
}

/** The config that an agent's arguments stand for. */
export async function policyOf(agent: BaseAgent) {
  const { main_config, create_config } = await keep(agent).config()
  return { ...main_config.policy, create_config }
}

/** Collects so many random steps of CartPole into a D4RL file, and gives its path. */
export async function cartPoleData(folder: string, count: number): Promise<string> {
  const path = join(folder, 'cartpole.hdf5')
  await collect_demo_data(smallDqn(), 0, {
    console: 'quiet',
    work_dir: folder,
    random_policy: true,
    collect_count: count,
    expert_data_path: path,
  })
  return path
}

/** Writes a D4RL file of 200 steps that look like Pendulum's, and gives its path. @param torque of each step, in [-2, 2] */
export async function pendulumData(
  folder: string,
  torque = (step: number) => 2 * Math.sin(3 * step),
): Promise<string> {
  const path = join(folder, 'pendulum.hdf5')
  const writer = await createDatasetWriter(path, { layout: 'd4rl', env_id: 'Pendulum-v1' })
  const obs = (step: number) => Float32Array.of(Math.cos(step), Math.sin(step), Math.sin(2 * step))
  const rows = Array.from({ length: 200 }, (_, step) => ({
    obs: obs(step),
    next_obs: obs(step + 1),
    action: Float32Array.of(torque(step)),
    reward: -Math.abs(Math.sin(step)),
    done: false,
  }))
  writer.append(rows, { truncated: true })
  writer.close()
  return path
}
