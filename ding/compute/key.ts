/** A string that is equal for equal attributes only. JSON alone would take infinities and NaN for null, and -0 for 0. */
export function attributesKey(attrs: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(attrs, (_name, value: unknown) => {
    const isPlain = typeof value !== 'number' || (Number.isFinite(value) && !Object.is(value, -0))
    return isPlain ? value : `number ${Object.is(value, -0) ? '-0' : value}`
  })
}
