import { checkOptions, EnvError } from '../../utils/index.js'
import type { GifOptions, GifWriter } from './gif.js'
import type { Frame, RenderOptions, Scene } from './types.js'

// What envs need of this folder while they are made and stepped. The painters and encoders are loaded with the face of
// ding/envs, or when a worker thread is to write replays: workers that only collect never load them.

export interface Renderer {
  paintScene(scene: Scene, options?: RenderOptions): Frame
  createGif(path: string, options?: GifOptions): GifWriter
}

let provided: Renderer | undefined

export function provideRenderer(renderer: Renderer): void {
  provided = renderer
}

/** Loads the painters and encoders, after which `renderer()` has them. */
export async function loadRenderer(): Promise<void> {
  await import('./index.js')
}

/** @throws EnvError before the painters are loaded */
export function renderer(): Renderer {
  if (provided === undefined)
    throw new EnvError("Nothing can be drawn yet: import 'ding' or ding/envs/index.js first")
  return provided
}

/** The environment has nothing to show. */
export class NotDrawnError extends EnvError {
  constructor(name: string) {
    super(
      `${name} does not draw itself. Give its class a method scene() that returns what there is to see, or render() that ` +
        'returns a picture: docs/guides/seeing.md',
    )
  }
}

/** The picture of what an env shows. @throws NotDrawnError when that is null */
export function renderScene(name: string, scene: Scene | null, options: RenderOptions = {}): Frame {
  if (scene === null) throw new NotDrawnError(name)
  checkOptions('render', options, ['size'])
  return renderer().paintScene(scene, options)
}
