import { fileURLToPath } from 'node:url'

const OWN_FOLDER = fileURLToPath(new URL('../', import.meta.url))
const OWN_URL = new URL('../', import.meta.url).href

/** Frames kept in stacks while a function is traced: tfjs puts a dozen of its own above the author's. */
export const STACK_FRAMES = 60

/**
 * The author's line that an error or a call came from: the innermost stack frame outside Node, packages and this
 * folder, as ` (at file:line:column)`, or nothing when there is none.
 */
export function authorsPlace(stack: string | undefined): string {
  for (const line of (stack ?? '').split('\n')) {
    const frame = /^\s*at (?:.*\()?(.+:\d+:\d+)\)?$/.exec(line)?.[1]
    if (frame === undefined) continue
    const own = frame.startsWith(OWN_FOLDER) || frame.startsWith(OWN_URL)
    if (own || frame.includes('node_modules') || frame.startsWith('node:') || frame.includes('tfjs-core'))
      continue
    return ` (at ${frame.replace('file://', '')})`
  }
  return ''
}
