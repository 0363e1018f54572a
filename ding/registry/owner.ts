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

/** The module of a frame of a stack, and its line. */
function placeOf(frame: string): SourcePlace | undefined {
  const match = FRAME.exec(frame.trim())
  return match === null ? undefined : { file: toPath(match[1]!), line: Number(match[2]) }
}

/** The module and line that called into the registry, from the call stack. */
export function callerPlace(): SourcePlace {
  const [own, ...others] = (new Error().stack ?? '').split('\n').slice(1).map(placeOf)
  // By the stack's own word: with source maps it names other files than import.meta.url.
  const folder = own?.file.replace(/[^\\/]+$/, '')
  for (const place of others) {
    if (place === undefined || folder === undefined) continue
    const inside =
      place.file.startsWith(folder) && /^(owner|registry)\.[jt]s$/.test(place.file.slice(folder.length))
    if (!inside) return place
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
