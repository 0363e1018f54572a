import { GifWriter } from './gif.js'
import { paintScene } from './painter.js'
import { provideRenderer } from './renderer.js'

provideRenderer({ paintScene, createGif: (path, options) => new GifWriter(path, options) })

export { type GifOptions, GifWriter } from './gif.js'
export { paintScene } from './painter.js'
export { encodePng, writePng } from './png.js'
export { NotDrawnError } from './renderer.js'
export type {
  Camera,
  Color,
  Frame,
  Point,
  RenderOptions,
  ReplayOptions,
  Scene,
  Scene2D,
  Scene3D,
  Shape,
  Solid,
  Vector,
} from './types.js'
