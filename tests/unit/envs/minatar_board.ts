import { MinAtarEnv, type MinAtarGameName } from '../../../ding/envs/index.js'

/** An env without sticky actions in a position of one's own: the start, changed by `position`. */
export function at(
  game: MinAtarGameName,
  position: Record<string, unknown> = {},
  cfg: Record<string, unknown> = {},
) {
  const env = new MinAtarEnv({ game, sticky_action_prob: 0, ...cfg })
  env.seed(0)
  env.reset()
  Object.assign(env.game.state, position)
  return env
}

/** The occupied cells of a plane as `x,y`, in reading order. */
export function cells(env: MinAtarEnv, channel: string, obs: Uint8Array = env.observe()): string[] {
  const start = env.channels.indexOf(channel) * 100
  const out: string[] = []
  for (let i = 0; i < 100; i++) if (obs[start + i] === 1) out.push(`${i % 10},${Math.floor(i / 10)}`)
  return out
}

/** Every plane that is not empty. */
export function board(env: MinAtarEnv, obs?: Uint8Array): Record<string, string[]> {
  const planes = env.channels.map((name) => [name, cells(env, name, obs)] as const)
  return Object.fromEntries(planes.filter(([, occupied]) => occupied.length > 0))
}

/** A plane on which the cells `x,y` are occupied. */
export const plane = (...occupied: string[]) => {
  const out = new Uint8Array(100)
  for (const cell of occupied) {
    const [x, y] = cell.split(',').map(Number) as [number, number]
    out[y * 10 + x] = 1
  }
  return out
}
