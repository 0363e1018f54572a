/** torch's names of activations, where ours are not the same in small letters. */
const ACTIVATIONS: Readonly<Record<string, string>> = {
  leakyrelu: 'leaky_relu',
  // With torch's default of 1 they are one function.
  celu: 'elu',
}

/** Our name of a torch activation; an unknown one is for the model's config to refuse. */
export function activationOf(name: string): string {
  const own = name.toLowerCase()
  return ACTIVATIONS[own] ?? own
}
