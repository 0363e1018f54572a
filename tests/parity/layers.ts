import type { GoldenTensor } from './golden.js'

/** The number in a name such as `network.4.weight`; -1 for a name without one. */
export function layerNumber(name: string): number {
  return Number(/(?:^|\.)[a-z]*(\d+)\.(?:weight|bias)$/.exec(name)?.[1] ?? -1)
}

/** The tensors whose names match, by the number that the pattern's first group captures: recordings may list them in any order. */
export function linearLayers(
  tensors: Readonly<Record<string, GoldenTensor>>,
  pattern: RegExp,
): GoldenTensor[] {
  return Object.entries(tensors)
    .flatMap(([name, tensor]) => {
      const number = pattern.exec(name)?.[1]
      return number === undefined ? [] : [{ number: Number(number), tensor }]
    })
    .sort((a, b) => a.number - b.number)
    .map(({ tensor }) => tensor)
}
