import type { Policy } from '../../ding/policy/index.js'
import type { HostTensor } from '../../ding/utils/index.js'

/** A policy's actions of an evaluation with one environment a row. */
export async function actionsFor(policy: Policy, obs: HostTensor): Promise<unknown[]> {
  const [rows, width] = obs.shape as [number, number]
  const data = obs.data as Float32Array
  const byId = Array.from({ length: rows }, (_, i) => [i, data.slice(i * width, (i + 1) * width)])
  const chosen = await policy.eval_mode.forward(Object.fromEntries(byId) as Record<number, Float32Array>)
  return Array.from({ length: rows }, (_, i) => chosen[i]?.action)
}
