import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { shownConfig } from '../ding/config/index.js'
import {
  decodeState,
  type Exchange,
  encodeExact,
  FINAL_POLICY,
  type LearnerReport,
  loadState,
  NO_LIMIT,
  patiently,
  ROLES,
  type RoleStatus,
  type RunResult,
  renderStatus,
  type StatusBoard,
  TOPICS,
  tellLimits,
  writeFileAtomic,
} from '../ding/index.js'
import type { PreparedRun } from './prepare.js'

/** Starts the progress display by whichever limit the run has. */
export function startProgress({ config, limits, logger }: PreparedRun): void {
  const by_iter = limits.max_env_step >= NO_LIMIT && limits.max_train_iter < NO_LIMIT
  const limit = by_iter ? limits.max_train_iter : limits.max_env_step
  const { stop_value } = config.main_config.env
  logger.progress.start({
    unit: by_iter ? 'train_iter' : 'env_step',
    total: limit < NO_LIMIT ? limit : Number.POSITIVE_INFINITY,
    ...(stop_value < NO_LIMIT ? { stop_value } : {}),
  })
}

/**
 * Shows the status again and again, from now on until `end` is called, which shows it a last time: a run that is over before the first
 * interval has a status.json, too.
 */
export function watchStatus(
  prepared: PreparedRun,
  exchange: Exchange,
  board: StatusBoard,
  seconds: number,
): { end(): Promise<void>; stop(): void } {
  const depth = depthOf(exchange)
  let warned = false
  const show = () =>
    showStatus(prepared, depth, board).catch((error: unknown) => {
      // A full disk, say: the run does not depend on it.
      if (!warned)
        prepared.logger.warn(`The status cannot be shown: ${error instanceof Error ? error.message : error}`)
      warned = true
    })
  let shown = Promise.resolve()
  const view = setInterval(() => {
    shown = show()
  }, seconds * 1000)
  const stop = () => clearInterval(view)
  return {
    stop,
    end: async () => {
      stop()
      // One that is under way would otherwise overwrite the last.
      await shown
      await show()
    },
  }
}

type Depth = Awaited<ReturnType<Exchange['trajectories']['depth']>>

const UNKNOWN: Depth = { messages: 0, bytes: 0 }

/** Asks for the depth of the queue, one question at a time: a server that is away answers late, and the status does not wait for it. */
function depthOf(exchange: Exchange): () => Promise<Depth> {
  let asked: Promise<Depth> | undefined
  return async () => {
    asked ??= exchange.trajectories
      .depth()
      .catch(() => UNKNOWN)
      .finally(() => {
        asked = undefined
      })
    return (await patiently(asked, AT_ONCE, DEPTH_MS)) ?? UNKNOWN
  }
}

const AT_ONCE = AbortSignal.abort()
/** How long a server may take to answer what is nice to have. */
const DEPTH_MS = 2_000
const FINAL_POLICY_MS = 5_000

/** The status on the console, in status.json and as curves. */
async function showStatus(
  prepared: PreparedRun,
  depth: () => Promise<Depth>,
  board: StatusBoard,
): Promise<void> {
  const { logger, exp_dir, limits } = prepared
  const queue = await depth()
  const status = board.look(queue, performance.now() / 1000)
  writeFileAtomic(join(exp_dir, 'status.json'), `${JSON.stringify(encodeExact(status), null, 2)}\n`)
  logger.info(renderStatus(status))
  const details = board.learner?.details ?? {}
  const [train_iter, env_step] = [Number(details['train_iter'] ?? 0), Number(details['env_step'] ?? 0)]
  const by_iter = limits.max_env_step >= NO_LIMIT && limits.max_train_iter < NO_LIMIT
  const { eval_value, best_value } = details
  const evaluated =
    typeof eval_value === 'number' && typeof best_value === 'number'
      ? { eval_return: eval_value, best_return: best_value }
      : {}
  logger.progress.update(by_iter ? train_iter : env_step, evaluated)
  logger.scalars(
    {
      'parallel/queue_chunks': queue.messages,
      'parallel/queue_bytes': queue.bytes,
      'parallel/train_iter_per_second': status.train_iter_per_second,
      'parallel/env_step_per_second': status.env_step_per_second,
      'parallel/samples_per_insert': Number(details['samples_per_insert'] ?? 0),
      'parallel/staleness': Number(details['staleness'] ?? 0),
    },
    env_step,
  )
}

/** Calls `then` once, when the learner says that it works: its run state has been loaded by then. @returns to listen no longer */
export function whenLearning(exchange: Exchange, then: () => void): () => void {
  const end = exchange.control.subscribe(TOPICS.status, (message) => {
    const { role, state } = message as RoleStatus
    if (role !== 'learner' || state === 'starting') return
    end()
    then()
  })
  return end
}

/** What the learner left, unless it was interrupted while the server is away. */
function finalPolicy(exchange: Exchange, { stop_reason }: LearnerReport): Promise<Uint8Array | undefined> {
  const fetching = exchange.store.get(FINAL_POLICY)
  return stop_reason === 'interrupted' ? patiently(fetching, AT_ONCE, FINAL_POLICY_MS) : fetching
}

/** The result of every entry, from what the learner said and left. */
export async function resultOf(
  { container, config, exp_dir, limits, logger }: PreparedRun,
  exchange: Exchange,
  report: LearnerReport,
): Promise<RunResult> {
  const policy = await container.getAsync(ROLES.policy)
  tellLimits(policy, limits)
  const state = await finalPolicy(exchange, report)
  const saved = join(exp_dir, 'ckpt', `iteration_${report.train_iter}.safetensors`)
  if (state !== undefined) policy.learn_mode.load_state_dict(decodeState(state).tree)
  else if (existsSync(saved)) {
    const { last_iter: _iter, last_step: _step, ...tree } = loadState(saved).tree
    policy.learn_mode.load_state_dict(tree)
  }
  const { env_step, train_iter, eval_value } = report
  logger.hparams(shownConfig(config), { eval_value, env_step, train_iter })
  const rest = { ...report, stop: report.stop_reason === 'stop_value', exp_name: exp_dir }
  writeFileAtomic(join(exp_dir, 'result.json'), `${JSON.stringify(encodeExact(rest), null, 2)}\n`)
  return { ...rest, policy }
}
