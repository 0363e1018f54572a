import { readdir, stat } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'

/** A golden file, and the format that the nearest folder of a known name above it gives it. */
export interface GoldenFile {
  readonly path: string
  /** Path to show, relative to the folder that was searched. */
  readonly shown: string
  readonly format: string
}

/**
 * All JSON files below `folder` (or `folder` itself, if it is a file) that lie in a folder named like a format, at any
 * depth; `folder` itself may be the one so named. The nearest such folder counts.
 */
export async function discover(folder: string, formats: ReadonlySet<string>): Promise<GoldenFile[]> {
  const root = resolve(folder)
  const info = await stat(root)
  const files: GoldenFile[] = []
  const formatOf = (name: string, outer: string | undefined) => (formats.has(name) ? name : outer)
  if (info.isFile()) {
    const format = formatOf(basename(dirname(root)), undefined)
    return format === undefined ? [] : [{ path: root, shown: `${format}/${basename(root)}`, format }]
  }
  const prefix = formats.has(basename(root)) ? `${basename(root)}/` : ''
  const walk = async (directory: string, format: string | undefined): Promise<void> => {
    const entries = (await readdir(directory)).filter((name) => name !== 'node_modules' && name !== '.git')
    for (const name of entries.sort()) {
      const path = join(directory, name)
      const entry = await stat(path)
      if (entry.isDirectory()) await walk(path, formatOf(name, format))
      else if (format !== undefined && name.toLowerCase().endsWith('.json')) {
        files.push({ path, shown: prefix + relative(root, path).replaceAll('\\', '/'), format })
      }
    }
  }
  await walk(root, formatOf(basename(root), undefined))
  return files
}
