import { fileURLToPath } from 'node:url'

/** Where something was registered. */
export interface SourcePlace {
  /** Absolute path of the module, or '' when the stack does not tell. */
  readonly file: string
  readonly line: number
}

const FRAME = /\(?((?:file:\/\/|[A-Za-z]:[\\/]|\/)[^()]*?):(\d+):\d+\)?$/

/** Path of a stack frame's module without URL scheme and query. */
function toPath(location: string): string {
  const bare = location.replace(/[?#].*$/, '')
  return bare.startsWith('file://') ? fileURLToPath(bare) : bare
}

const here = toPath(import.meta.url)

function isRegistryFrame(file: string): boolean {
  const folder = here.replace(/[^\\/]+$/, '')
  return file.startsWith(folder) && /^(owner|registry)\.[jt]s$/.test(file.slice(folder.length))
}

/** The module and line that called into the registry, from the call stack. */
export function callerPlace(): SourcePlace {
  const stack = new Error().stack ?? ''
  for (const line of stack.split('\n').slice(1)) {
    const match = FRAME.exec(line.trim())
    if (match === null) continue
    const file = toPath(match[1]!)
    if (!isRegistryFrame(file)) return { file, line: Number(match[2]) }
  }
  return { file: '', line: 0 }
}

/** Last two segments of a module's path, without extension: equal for `ding/policy/dqn.ts` and `dist/ding/policy/dqn.js`. */
export function moduleTail(file: string): string {
  return file
    .split(/[\\/]/)
    .slice(-2)
    .join('/')
    .replace(/\.[cm]?[jt]s$/, '')
}
