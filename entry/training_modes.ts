import { PARALLEL } from '../ding/parallel/index.js'
import type { RunResult } from '../ding/pipeline/index.js'
import type { PipelineInput, PipelineOptions } from './compile_input.js'
import { parallel_pipeline } from './parallel_pipeline.js'
import { serial_pipeline } from './serial_pipeline.js'
import { serial_pipeline_offline } from './serial_pipeline_offline.js'
import { serial_pipeline_offline_to_online } from './serial_pipeline_offline_to_online.js'

/** The modes that train, by the names that -m takes. */
export const TRAINING_MODES = ['serial', 'serial_offline', 'serial_offline_to_online', 'parallel'] as const
export type TrainingMode = (typeof TRAINING_MODES)[number]

interface Training {
  /** What starts such a run. */
  start(input: PipelineInput, seed?: number, options?: PipelineOptions): Promise<RunResult>
  /** What its run state says it is of. */
  readonly kind: string
}

export const TRAINING: Readonly<Record<TrainingMode, Training>> = {
  serial: { start: serial_pipeline, kind: 'online' },
  serial_offline: { start: serial_pipeline_offline, kind: 'offline' },
  serial_offline_to_online: { start: serial_pipeline_offline_to_online, kind: 'offline_to_online' },
  parallel: { start: parallel_pipeline, kind: PARALLEL },
}

/** The mode of the runs whose state is of this kind. */
export function modeOf(kind: unknown): TrainingMode | undefined {
  return TRAINING_MODES.find((mode) => TRAINING[mode].kind === kind)
}
