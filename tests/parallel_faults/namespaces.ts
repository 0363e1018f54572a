import { spawnSync } from 'node:child_process'

/** Address of this side and of the other side of the link. */
const HERE = '10.211.77.1'
const THERE = '10.211.77.2'

function ip(...args: string[]): { ok: boolean; said: string } {
  const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' })
  return { ok: status === 0, said: error === undefined ? stderr.trim() : error.message }
}

/** Two network namespaces: that of this process, and one beyond a link that can be cut. */
export class SplitNetwork {
  readonly here = HERE
  readonly there = THERE
  private constructor(
    private readonly name: string,
    private readonly device: string,
  ) {}

  /** @returns why there can be none on this machine, or a network */
  static make(): SplitNetwork | string {
    const mark = String(process.pid % 100_000)
    const [name, device, other] = [`ding-${mark}`, `dva${mark}`, `dvb${mark}`]
    const network = new SplitNetwork(name, device)
    const steps = [
      ['netns', 'add', name],
      ['link', 'add', device, 'type', 'veth', 'peer', 'name', other, 'netns', name],
      ['addr', 'add', `${HERE}/30`, 'dev', device],
      ['link', 'set', device, 'up'],
      ['-n', name, 'addr', 'add', `${THERE}/30`, 'dev', other],
      ['-n', name, 'link', 'set', other, 'up'],
      ['-n', name, 'link', 'set', 'lo', 'up'],
    ]
    for (const step of steps) {
      const { ok, said } = ip(...step)
      if (ok) continue
      network.remove()
      return `ip ${step.join(' ')}: ${said}`
    }
    return network
  }

  /** What to put before a command so that it runs on the other side. */
  get wrapper(): readonly string[] {
    return ['ip', 'netns', 'exec', this.name]
  }

  cut(): void {
    ip('link', 'set', this.device, 'down')
  }

  heal(): void {
    ip('link', 'set', this.device, 'up')
  }

  remove(): void {
    ip('link', 'del', this.device)
    ip('netns', 'del', this.name)
  }
}
