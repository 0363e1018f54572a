import { type GoldenTensor, isRecord } from './golden.js'

export type Tensors = Record<string, GoldenTensor>

/** CORL's networks by CORL's names. */
export interface Networks {
  readonly actor: Tensors
  readonly critic_1: Tensors
  readonly critic_2: Tensors
  /** Where a start leaves them out: as the critics. */
  readonly target_critic_1?: Tensors
  readonly target_critic_2?: Tensors
  readonly log_alpha?: Tensors
  readonly log_alpha_prime?: Tensors
}

export interface AdamSettings {
  readonly type: string
  readonly lr: number
  readonly betas: number[]
  readonly eps: number
  readonly weight_decay: number
  readonly amsgrad: boolean
}

export interface Draw {
  readonly kind: string
  readonly low?: number
  readonly high?: number
  readonly value: GoldenTensor
}

export interface GoldenCQL {
  /** Which of CORL's files, and the name of the case. */
  readonly algo?: string
  readonly case?: string
  readonly dims: { readonly obs: number; readonly act: number; readonly n_actions: number }
  readonly config: Readonly<Record<string, number | boolean | null | string>>
  readonly optimizers: Readonly<Record<string, AdamSettings>>
  readonly init: Networks
  readonly batch: Record<'obs' | 'actions' | 'rewards' | 'next_obs' | 'dones', GoldenTensor>
  readonly draws: Draw[][]
  readonly metrics: Record<string, number>[]
  readonly grads_update_1?: Partial<Networks>
  readonly snapshots: Record<string, Networks>
  /** By update and network: what rounding to float32 alone changes. */
  readonly f32_vs_f64_max_abs_diff?: Record<string, Record<string, number>>
}

/** What a recorded run has at least. */
export const PARTS = [
  'dims',
  'config',
  'optimizers',
  'init',
  'batch',
  'draws',
  'metrics',
  'snapshots',
] as const

export function isCQLRun(json: unknown): json is GoldenCQL {
  return isRecord(json) && PARTS.every((key) => isRecord(json[key]) || Array.isArray(json[key]))
}
