import { UsageError } from '../ding/index.js'
import type { PipelineInput, PipelineOptions } from './compile_input.js'
import { type DistRole, dist } from './dist.js'
import { EXIT_CODES } from './exit_codes.js'

/** What the command line says of `-m dist`. */
interface DistModeOptions {
  readonly role?: DistRole
  readonly nats?: string
  readonly id?: string
  readonly trainIter?: number
  readonly envStep?: number
  readonly seed?: readonly number[]
}

/**
 * `-m dist`. @returns the exit code
 * @throws UsageError for limits that are not the role's to keep, or several seeds
 */
export async function distMode(
  config: PipelineInput,
  { role = 'learner', nats, id, trainIter, envStep, seed: seeds = [] }: DistModeOptions,
  common: PipelineOptions,
): Promise<number> {
  if (seeds.length > 1) throw new UsageError('-m dist joins one run: give one seed.')
  if (role !== 'learner' && (trainIter !== undefined || envStep !== undefined)) {
    throw new UsageError(
      '--train-iter and --env-step are limits that the learner keeps: give them to --role learner.',
    )
  }
  if (id !== undefined && role !== 'collector')
    throw new UsageError('--id names a collector: it is for --role collector.')
  const done = await dist(config, seeds[0], {
    ...common,
    role,
    ...(nats === undefined ? {} : { nats }),
    ...(id === undefined ? {} : { id }),
  })
  return done.role === 'learner' && done.result.stop_reason === 'interrupted'
    ? EXIT_CODES.interrupted.code
    : EXIT_CODES.done.code
}
