import { TORCH_ACTIVATIONS } from '../../ding/nn/index.js'

const BY_SMALL_LETTERS: ReadonlyMap<string, string> = new Map(
  Object.entries(TORCH_ACTIVATIONS).map(([name, own]) => [name.toLowerCase(), own]),
)

/** Our name of a torch activation, in whatever case; an unknown one is for the model's config to refuse. */
export function activationOf(name: string): string {
  // torch.nn.ReLU, or <class 'torch.nn.modules.activation.ReLU'>, is ReLU.
  const small = (/(\w+)\W*$/.exec(name)?.[1] ?? name).toLowerCase()
  return BY_SMALL_LETTERS.get(small) ?? small
}
