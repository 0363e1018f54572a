import type { Container } from 'inversify'
import type { CompiledConfig } from '../../config/index.js'
import { composeContainer, ROLES, type RunLimits } from '../../pipeline/index.js'
import type { PolicyField } from '../../policy/index.js'
import type { RoleLogger } from '../remote_logger.js'

/** What every role is given. */
export interface RoleSetting {
  readonly config: CompiledConfig
  /** The experiment folder. Collectors and evaluators write nothing into it. */
  readonly exp_dir: string
  readonly logger: RoleLogger
}

/** The parts of one role, made when they are first asked for. */
export interface RoleContainer {
  readonly container: Container
  close(): Promise<void>
}

/** The composition root of a role: the serial pipeline's, with the run's logger elsewhere. */
export function composeRole(
  { config, exp_dir, logger }: RoleSetting,
  fields: readonly PolicyField[],
  seed = config.seed,
): RoleContainer {
  const container = composeContainer(
    { ...config, seed },
    { exp_dir, enable_field: fields, log_files: false, console: 'quiet' },
  )
  container.rebind(ROLES.logger).toConstantValue({
    ...bound(logger),
    component: (name) => logger.component(name),
    progress: undefined as never,
  })
  const close = async () => {
    for (const role of [ROLES.collector_env, ROLES.evaluator_env, ROLES.buffer, ROLES.compute]) {
      if (container.isBound(role)) await container.unbindAsync(role)
    }
  }
  return { container, close }
}

/** The root logger's methods as a record. */
function bound({ root }: RoleLogger) {
  return {
    now: () => root.now(),
    scalar: root.scalar.bind(root),
    scalars: root.scalars.bind(root),
    histogram: root.histogram.bind(root),
    text: root.text.bind(root),
    hparams: root.hparams.bind(root),
    table: root.table.bind(root),
    info: root.info.bind(root),
    warn: root.warn.bind(root),
    flush: root.flush.bind(root),
    close: () => undefined,
  }
}

/** What goes with every version of the parameters. */
export interface ParameterMeta {
  readonly env_step: number
  readonly train_iter: number
  /** Transitions of the warm-up that have not come in yet. */
  readonly warmup_left: number
  /** How often the run has been resumed or its learner replaced. */
  readonly session: number
  readonly limits: RunLimits
  /** The run is over: there is nothing to collect for any more. */
  readonly finished: boolean
}
